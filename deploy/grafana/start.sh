#!/bin/sh
# Starts Grafana with the provisioning of this folder and with the contact points that ALERT_CHANNELS and PAGE_CHANNELS
# choose. Grafana refuses to start on a contact point without its secret, so only chosen ones are handed to it.
# With none chosen Grafana keeps its own default policy: alerts are shown and sent nowhere.
set -eu

source="${SERVICEPULSE_GRAFANA_SOURCE:-$(dirname "$0")}"
target="${GF_PATHS_PROVISIONING:?set GF_PATHS_PROVISIONING to a folder that may be written}"
alerts="${ALERT_CHANNELS:-}"
pages="${PAGE_CHANNELS:-$alerts}"

fail() {
    echo "$1" >&2
    exit 1
}

choose() { # contact point, channels
    for channel in $2; do
        file="$source/contact-points/$channel.yaml"
        [ -f "$file" ] || fail "there is no channel $channel; choose from: $(cd "$source/contact-points" && ls | sed 's/\.yaml//' | tr '\n' ' ')"
        for name in $(sed -n 's/^# needs: //p' "$file"); do
            eval "value=\${$name:-}"
            [ -n "$value" ] || fail "channel $channel needs $name, which is not set"
        done
        sed "s/contact-point-name/$1/" "$file" >"$target/alerting/$1-$channel.yaml"
    done
}

# Grafana itself would only say that its configuration is invalid, also with mail disabled.
case "${GF_SMTP_FROM_ADDRESS:-a@b.c}" in
?*@?*.?*) ;;
*) fail "SMTP_FROM is $GF_SMTP_FROM_ADDRESS; Grafana wants a domain with a dot in it" ;;
esac

rm -rf "$target"
mkdir -p "$target"
cp -R "$source/provisioning/." "$target/"
mkdir -p "$target/alerting" "$target/plugins" "$target/access-control"
if [ -n "$alerts$pages" ]; then
    choose alerts "${alerts:-$pages}"
    choose pages "$pages"
    cp "$source/policies.yaml" "$target/alerting/policies.yaml"
fi
exec "${SERVICEPULSE_GRAFANA_RUN:-/run.sh}" "$@"
