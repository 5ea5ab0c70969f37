#!/bin/sh
# The default namespace and offpeak's search attributes; does nothing the second time.
set -eu
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 30d
until temporal operator search-attribute list >/dev/null 2>&1; do sleep 1; done
for name in OffpeakBatch OffpeakNight OffpeakState; do
  temporal operator search-attribute create --name "$name" --type Keyword || true # it is there already
done
