# Where the Redis suites find a server, REDIS_URL, and whether they must find
# one, REQUIRE_REDIS=1, they read from the environment.

# Not in go.mod, where its hundreds of dependencies would be everybody's.
GOLANGCI_LINT_VERSION := v2.15.0
# How many seeded runs of a cluster "make soak" makes.
SEEDS ?= 2000
# How long each fuzz test runs.
FUZZTIME ?= 30s
# How many processes share the specs of a suite: more than there are cores, as
# those on a real server spend their time waiting.
PROCS ?= 4

# Modules of their own, so that nobody else compiles what they need: the demo (a terminal
# library), the service (SQLite), the page's test (a browser's driver), and one that
# stands for those of other people.
MODULES := . sync/demo sync/testdata/service specs/report/browser specs/testdata/downstream

GINKGO := build/bin/ginkgo
GOLANGCI_LINT := build/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
MATRIX := go run ./specs/matrix
# As Ginkgo's own documentation advises for continuous integration.
STRICT := --randomize-all --fail-on-pending --fail-on-empty --procs=$(PROCS)
# Failures and a summary; colours on a terminal only.
QUIET := --succinct --silence-skips $$(test -t 1 || echo --no-color)
TEST := $(STRICT) $(QUIET) --race --timeout=10m
JUDGE = $(GINKGO) $(STRICT) $(QUIET) $(CHOICE) --json-report=specs.json --output-dir=build ./specs

.PHONY: help
help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# The other ways in which Redis is deployed take as long again each: see report.
.PHONY: contract
contract: CHOICE := --skip=redis-
contract: $(GINKGO) ## run every behaviour on memory, miniredis and a Redis server, and print the matrix
	@rm -f build/specs.json
	@code=0; \
	$(JUDGE) || code=$$?; \
	$(MATRIX) -text -check specs/CONTRACT.md build/specs.json || code=$$?; \
	exit $$code

# The page is tried in a browser where there is one, which CHROMIUM can name, and
# must be where REQUIRE_CHROMIUM=1.
.PHONY: report
report: $(GINKGO) ## as contract, with Sentinel, Cluster, TLS and a client of the caller's, and write build/contract.html, .json and .xml (JUnit)
	@rm -f build/specs.json build/contract.html build/contract.json build/contract.xml build/contract-*.png
	@code=0; \
	$(JUDGE) || code=$$?; \
	$(MATRIX) -text -html build/contract.html -json build/contract.json -junit build/contract.xml \
		-check specs/CONTRACT.md build/specs.json || code=$$?; \
	CONTRACT_HTML=$(CURDIR)/build/contract.html go test -C specs/report/browser -count=1 -timeout=15m -v . || code=$$?; \
	exit $$code

.PHONY: test
test: $(GINKGO) ## run all tests, in random order, with the race detector, and measure how much of sync they cover
	@rm -f build/cover.out
	@code=0; \
	$(GINKGO) -r $(TEST) --randomize-suites --keep-going --skip=redis- --skip-package=sync,specs/broken,specs/report/browser,specs/testdata \
		--junit-report=test.xml --output-dir=build || code=$$?; \
	$(GINKGO) $(TEST) --cover --coverprofile=cover.out --junit-report=sync.xml --output-dir=build ./sync || code=$$?; \
	$(GINKGO) $(TEST) --junit-report=cache.xml --output-dir=build ./sync/cache || code=$$?; \
	$(GINKGO) $(TEST) --junit-report=demo.xml --output-dir=build ./sync/demo || code=$$?; \
	$(MAKE) --no-print-directory prove || code=$$?; \
	go test -C specs/testdata/downstream -count=1 ./... || code=$$?; \
	go test -C sync/testdata/service -count=1 -timeout=5m -v . || code=$$?; \
	awk -v package=$$(go list ./sync) -f .ci/coverage.awk build/cover.out || code=$$?; \
	exit $$code

# Without the race detector, which would make it five times as long: a fault of
# these shows itself in what an adapter answers.
.PHONY: prove
prove: ## judge adapters that are broken on purpose, and write build/kills.txt: what catches what
	go test -count=1 -timeout=10m ./specs/broken
	@head -n 1 build/kills.txt

.PHONY: soak
soak: export SEEDS := $(SEEDS)
soak: $(GINKGO) ## simulate SEEDS (2000) clusters with faults from FIRST (0) on, or tell all of SEED=n
	$(GINKGO) --procs=$(PROCS) --label-filter=simulation $(if $(SEED),-v,$(QUIET)) ./sync

.PHONY: generate
generate: $(GINKGO) ## write the generated files anew: mocks and specs/CONTRACT.md
	go generate ./...
	$(JUDGE)
	$(MATRIX) -write specs/CONTRACT.md build/specs.json

.PHONY: check check-generated check-tidy check-vet check-386 check-lint check-contract
check: check-generated check-tidy check-vet check-386 check-lint check-contract ## fail on stale generated files, an untidy go.mod, vet, lint

# All generated files are removed from a copy of the tree and made again there,
# so that one which nothing generates any more is found as well.
check-generated:
	@set -e; copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; mkdir "$$copy/tree"; \
	tar -cf - --exclude=./.git --exclude=./build . | tar -xf - -C "$$copy/tree"; \
	cp -Rp "$$copy/tree" "$$copy/generated"; cd "$$copy/generated"; \
	grep -rlZ --include='*.go' '^// Code generated .* DO NOT EDIT\.$$' . | xargs -0 rm -f; \
	go generate ./...; \
	cd ..; diff -ru tree generated || { \
		echo 'check: these files differ from what "make generate" writes' >&2; exit 1; }

check-tidy:
	for module in $(MODULES); do go -C $$module mod tidy -diff || exit; done

check-vet:
	for module in $(MODULES); do go -C $$module vet ./... || exit; done

# An int of 32 bits overflows where one of 64 does not.
check-386:
	GOARCH=386 go vet ./...

check-lint: $(GOLANGCI_LINT)
	for module in $(MODULES); do (cd $$module && $(CURDIR)/$(GOLANGCI_LINT) run ./...) || exit; done

check-contract:
	$(MATRIX) -check specs/CONTRACT.md

.PHONY: bench
bench: ## run the benchmarks, those of Redis beside the bare client with their ratio
	go test -run '^$$' -bench . -benchmem -count 1 ./adapters/... ./sync/...

.PHONY: faults
faults: ## publish MESSAGES (100000) under faults of the links, chosen by SEED, and find silent losses
	MESSAGES=$(MESSAGES) SEED=$(SEED) go test -count=1 -timeout=60m -v -run TestNoMessageIsLostSilently ./adapters/redis

.PHONY: fuzz
fuzz: ## run each fuzz test for FUZZTIME (30s)
	@set -e; for package in ./coordination ./adapters/redis ./sync; do \
		list=$$(go test -list '^Fuzz' $$package); \
		for name in $$(echo "$$list" | grep '^Fuzz'); do \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

# A module of its own, whose terminal library is not to be everybody's. Built
# first: "go run" would turn every exit code into 1.
.PHONY: demo
demo: ## show three nodes that lose messages and their leader, and heal (ARGS=-interactive: you command)
	@go build -C sync/demo -o ../../build/demo .
	@build/demo $(ARGS)

.PHONY: clean
clean: ## remove build/
	rm -rf build

# The version is the one that go.mod requires, so that CLI and library agree.
$(GINKGO): go.mod
	@mkdir -p $(@D)
	go build -o $@ github.com/onsi/ginkgo/v2/ginkgo

$(GOLANGCI_LINT):
	GOBIN="$(CURDIR)/$(@D)" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(@D)/golangci-lint $@
