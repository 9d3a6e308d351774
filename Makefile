# A thin front for CMake presets and scripts/. `make help` lists the targets.
JOBS ?= 2
RELEASE := build/release
EPICRISIS := $(RELEASE)/apps/epicrisis/epicrisis

.PHONY: help demo test build bench lint format sanitize fuzz install models verify-fresh-machine clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

dependencies:
	@scripts/install-dependencies

configure: dependencies
	@cmake --preset release > /dev/null

demo: configure ## Install what is needed, build, and summarise three real notes with the bundled model
	@cmake --build $(RELEASE) --parallel $(JOBS) --target epicrisis
	@scripts/demo $(EPICRISIS)

build: configure ## Build all programs and tests
	@cmake --build $(RELEASE) --parallel $(JOBS)

test: build ## Install what is needed, build, and run all tests
	@scripts/check-layers
	@scripts/run-tests $(JOBS)

bench: dependencies ## Build and run the benchmarks in short form
	@cmake --preset bench > /dev/null
	@cmake --build build/bench --parallel $(JOBS)
	@scripts/run-benchmarks build/bench

lint: dependencies ## Check formatting, layering, and the code with clang-tidy
	@scripts/lint

format: ## Format all C++ files
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

sanitize: dependencies ## Run the tests under address, undefined-behaviour and thread sanitizers (an hour)
	@scripts/sanitize $(JOBS)

fuzz: dependencies ## Run every fuzzer for ten minutes under sanitizers
	@scripts/fuzz $(JOBS)

models: build ## Train the bundled models again from the recipe (hours; stops and resumes)
	@scripts/train-bundled-models $(RELEASE)

install: build ## Install under PREFIX (default /usr/local)
	@cmake --install $(RELEASE) --prefix $(or $(PREFIX),/usr/local)

verify-fresh-machine: ## Prove `make demo` and `make test` in a bare Debian 12 (root; uses debootstrap)
	@scripts/verify-fresh-machine

clean: ## Remove everything built
	@rm -rf build
