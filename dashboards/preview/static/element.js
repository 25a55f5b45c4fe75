// Elements without HTML from strings: what a query returned is text, whatever it looks like.

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "style") for (const [rule, text] of Object.entries(value)) made.style.setProperty(rule, text);
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** What somebody clicks on: one link leads there, several open a list. */
export function linked(links, content) {
  if (!links || !links.length) return content;
  const inner = Array.isArray(content) ? content : [content];
  return element("a", { href: links[0].href, title: links.map((link) => link.title).join("\n"), ...target(links[0].href) }, ...inner);
}

export function target(href) {
  return href.startsWith("/") ? {} : { target: "_blank", rel: "noopener noreferrer" };
}

let numbered = 0;

/** A button that opens a menu below itself; the menu is filled when it opens. */
export function opener(label, fill, properties = {}) {
  const menu = element("div", { class: "menu", popover: "auto", id: `menu-${(numbered += 1)}` });
  const button = element("button", { class: "button", type: "button", ...properties }, ...label);
  button.addEventListener("click", () => {
    if (menu.matches(":popover-open")) return menu.hidePopover();
    menu.replaceChildren(...fill(() => menu.hidePopover()));
    document.body.append(menu);
    menu.showPopover();
    const place = button.getBoundingClientRect();
    const left = Math.min(place.left, innerWidth - menu.offsetWidth - 12);
    menu.style.left = `${Math.max(8, left) + scrollX}px`;
    menu.style.top = `${place.bottom + scrollY}px`;
    menu.querySelector("input[type=search]")?.focus();
  });
  return button;
}
