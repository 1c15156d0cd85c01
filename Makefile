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

# The demo is a module of its own, for its terminal library to be nobody else's.
MODULES := . sync/demo

GINKGO := build/bin/ginkgo
GOLANGCI_LINT := build/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
MATRIX := go run ./specs/internal/matrix
# As Ginkgo's own documentation advises for continuous integration.
STRICT := --randomize-all --fail-on-pending --fail-on-empty --procs=$(PROCS)
# Failures and a summary; colours on a terminal only.
QUIET := --succinct --silence-skips $$(test -t 1 || echo --no-color)
TEST := $(STRICT) $(QUIET) --race --timeout=10m

.PHONY: help
help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: contract
contract: $(GINKGO) ## run every behaviour on every backend and print the matrix
	@rm -f build/contract.json
	@code=0; \
	$(GINKGO) $(STRICT) $(QUIET) --json-report=contract.json --output-dir=build ./specs || code=$$?; \
	$(MATRIX) -report build/contract.json -check specs/CONTRACT.md || code=$$?; \
	exit $$code

.PHONY: test
test: $(GINKGO) ## run all tests, in random order, with the race detector, and measure how much of sync they cover
	@rm -f build/cover.out
	@code=0; \
	$(GINKGO) -r $(TEST) --randomize-suites --keep-going --skip-package=sync \
		--junit-report=test.xml --output-dir=build || code=$$?; \
	$(GINKGO) $(TEST) --cover --coverprofile=cover.out --junit-report=sync.xml --output-dir=build ./sync || code=$$?; \
	$(GINKGO) $(TEST) --junit-report=demo.xml --output-dir=build ./sync/demo || code=$$?; \
	awk -v package=$$(go list ./sync) -f .ci/coverage.awk build/cover.out || code=$$?; \
	exit $$code

.PHONY: soak
soak: export SEEDS := $(SEEDS)
soak: $(GINKGO) ## simulate SEEDS (2000) clusters with faults from FIRST (0) on, or tell all of SEED=n
	$(GINKGO) --procs=$(PROCS) --label-filter=simulation $(if $(SEED),-v,$(QUIET)) ./sync

.PHONY: generate
generate: $(GINKGO) ## write the generated files anew: mocks and specs/CONTRACT.md
	go generate ./...
	$(GINKGO) $(STRICT) $(QUIET) --json-report=contract.json --output-dir=build ./specs
	$(MATRIX) -report build/contract.json -write specs/CONTRACT.md

.PHONY: check check-generated check-tidy check-vet check-lint check-contract
check: check-generated check-tidy check-vet check-lint check-contract ## fail on stale generated files, an untidy go.mod, vet, lint

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

check-lint: $(GOLANGCI_LINT)
	for module in $(MODULES); do (cd $$module && $(CURDIR)/$(GOLANGCI_LINT) run ./...) || exit; done

check-contract: $(GINKGO)
	@$(GINKGO) --dry-run $(QUIET) --json-report=dry.json --output-dir=build ./specs
	$(MATRIX) -report build/dry.json -check specs/CONTRACT.md

.PHONY: bench
bench: ## run the benchmarks, those of Redis beside the bare client with their ratio
	go test -run '^$$' -bench . -benchmem -count 1 ./adapters/... ./sync/...

.PHONY: fuzz
fuzz: ## run each fuzz test for FUZZTIME (30s)
	@set -e; for package in ./coordination ./adapters/redis; do \
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
