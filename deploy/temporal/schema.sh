#!/bin/sh
# Creates and upgrades Temporal's two databases; does nothing the second time.
set -eu
for db in temporal temporal_visibility; do
  dir=/etc/temporal/schema/postgresql/v12/$([ "$db" = temporal ] && echo temporal || echo visibility)/versioned
  tool="temporal-sql-tool --plugin postgres12 --ep $POSTGRES_SEEDS -p $DB_PORT -u $POSTGRES_USER --db $db"
  $tool create || true # it is there already
  $tool setup-schema -v 0.0 || true
  $tool update-schema -d "$dir"
done
