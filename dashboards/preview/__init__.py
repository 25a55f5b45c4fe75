"""The checked-in dashboards in the browser, for people who have no Grafana at hand: a preview, not a second Grafana."""
