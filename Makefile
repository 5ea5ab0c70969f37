# offpeak: every target gets what it needs and needs no other to have run.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.bin:$(PATH)
GO ?= go
FUZZTIME ?= 60s
JOBS ?= 5000
TIMES ?= 10
SEED ?= 1
NIGHTS ?= 50
# A release's histories are recorded once, under its name.
RELEASE ?=
RECORDED = TestWhatAHistoryHolds|TestACustomAPI|TestTemporalUI|TestAlertsAreTold|TestTheLogLake|TestAPurge|TestEveryDay|TestWhatDidntFit|TestScaleKilledLane|TestPauseAndStop|TestTemporalSchedule|TestCreditsTooLow|TestTheAuditFailsTheNight|TestAScheduleAndAPerson
# Most of the slow tests wait for a window or a log: two cores carry four.
PARALLEL ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 4); echo $$((n < 4 ? 4 : n)))

.PHONY: help demo dev test check race e2e crash chaos bench fuzz histories fmt generate clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## a whole night in about a minute: real Temporal server, simulator, worker, morning report
	@scripts/need temporal
	@$(GO) run ./starter demo $(ARGS)

dev: ## a Temporal server with its UI, the simulator, a worker and the page, until Ctrl-C
	@scripts/need temporal
	@$(GO) run ./starter demo --dev $(ARGS)

test: ## every test, end-to-end included, and then each fuzz target for a thousand inputs
	@scripts/need temporal chromium postgres s3
	@$(GO) test -timeout 20m -parallel $(PARALLEL) ./... $(ARGS)
	@GO=$(GO) scripts/fuzz 1000x

check: ## format, vet, lint, workflowcheck, import rule, generated files unchanged
	@scripts/need lint gofumpt workflowcheck
	@unformatted=$$(gofumpt -l $$(git ls-files '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "not formatted (make fmt mends it):"; echo "$$unformatted"; exit 1; fi
	@$(GO) vet ./...
	@golangci-lint run
	@workflowcheck -config .workflowcheck.yaml ./workflows/...
	@$(GO) test -count=1 -run 'TestImports' .
	@$(GO) mod verify >/dev/null
	@$(GO) mod tidy -diff
	@echo "check: all well"

race: ## every test under the race detector, end-to-end left out
	@scripts/need temporal postgres s3
	@$(GO) test -race -timeout 30m $$($(GO) list ./... | grep -v /e2e) $(ARGS)

e2e: ## only the end-to-end tests
	@scripts/need temporal chromium postgres s3
	@$(GO) test -count=1 -timeout 20m -parallel $(PARALLEL) -v ./e2e/... $(ARGS)

crash: ## kills, limits, lost answers, a log of a gigabyte and nights of 20,000 jobs against their close, at full size: JOBS=5000 jobs, TIMES=10 times each, on both stores; prints a table
	@scripts/need temporal postgres
	@cd e2e && OFFPEAK_E2E_JOBS=$(JOBS) OFFPEAK_E2E_TIMES=$(TIMES) $(GO) test -count=1 -parallel 1 -timeout 6h -run '^TestScale' $(ARGS) .
	@OFFPEAK_FULL=1 $(GO) test -count=1 -timeout 1h -v -run '^TestSwiftiaRate$$' ./activities
	@OFFPEAK_LOG_BYTES=1073741824 $(GO) test -count=1 -timeout 1h -v -run '^(TestALogOfAGigabyte|TestAGigabyte)$$' ./activities ./lake
	@OFFPEAK_NIGHT_JOBS=20000 $(GO) test -count=1 -timeout 1h -v -run '^TestNightsAgainstAClose$$' ./internal/fastnight

chaos: ## NIGHTS=50 random nights from SEED=1 on: kills, faults of the network and of the provider, one judge over all books; writes the table in docs/reliability.md
	@scripts/need temporal postgres
	@cd e2e && OFFPEAK_CHAOS_NIGHTS=$(NIGHTS) OFFPEAK_CHAOS_SEED=$(SEED) OFFPEAK_CHAOS_TABLE=$(CURDIR)/docs/reliability.md \
	  $(GO) test -count=1 -parallel $(PARALLEL) -timeout 24h -v -run '^TestRandomNights$$' $(ARGS) .

bench: ## the benchmarks as one table, with commit and core count
	@scripts/need temporal postgres
	@$(GO) run ./bench -commit "$$(git describe --always --dirty)" $(ARGS)

fuzz: ## every fuzz target for FUZZTIME (60s) each; a number of inputs, such as 1000x, is quick
	@GO=$(GO) scripts/fuzz $(FUZZTIME)

histories: ## the histories of a release, for the replay: RELEASE=v0.1.0; what was recorded is never replaced
	@[ -n "$(RELEASE)" ] || { echo "make histories: which release? RELEASE=v0.1.0"; exit 2; }
	@[ ! -e "workflows/testdata/histories/$(RELEASE)" ] || { echo "make histories: $(RELEASE) has been recorded; it stays as it is"; exit 2; }
	@scripts/need temporal chromium
	@$(GO) test -count=1 -timeout 20m -parallel $(PARALLEL) -run '^($(RECORDED))' ./e2e -record $(RELEASE)
	@$(GO) test -count=1 -run 'Replay|Histories|Recorded' ./workflows

fmt: ## format all Go files
	@scripts/need gofumpt
	@gofumpt -w $$(git ls-files '*.go')

clean: ## remove what the targets installed and wrote here
	@rm -rf .bin .data coverage.out
