# Lakegate. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

SPEC ?= spec/examples/tokyo.yaml
SOURCE ?= s3
SINCE ?= 1h
AWS_PORT ?= 4566
DATABRICKS_PORT ?= 4567
PAGE_PORT ?= 4568
CDK := npx --yes aws-cdk@2.1148.1
ACTIONLINT := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export CDK_DISABLE_CLI_TELEMETRY := true

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: bin/local ## Run a spec on this machine: SPEC=path (default: the Tokyo example), SOURCE=s3 or git, RETIRE=1 deletes it in the end
	@bin/local demo -spec "$(SPEC)" -source "$(SOURCE)" $(if $(RETIRE),-retire)

.PHONY: plan
plan: bin/local ## Show what a spec would change: SPEC=path, BASE=path of the spec applied before
	@bin/local plan -spec "$(SPEC)" -base "$(BASE)"

.PHONY: local
local: bin/local ## Keep AWS and Databricks running on this machine, with a page to look at them: AWS_PORT, DATABRICKS_PORT, PAGE_PORT
	@bin/local serve -spec "$(SPEC)" -aws-port $(AWS_PORT) -databricks-port $(DATABRICKS_PORT) -page-port $(PAGE_PORT)

.PHONY: new
new: ## Write a spec to begin with: NAME, REGION, and if you like OUT=path, ACCOUNT, DATABRICKS_ACCOUNT, SCHEMA=path or URL
	@go run ./spec/new -name "$(NAME)" -region "$(REGION)" -out "$(OUT)" -account "$(ACCOUNT)" -databricks-account "$(DATABRICKS_ACCOUNT)" $(if $(SCHEMA),-schema "$(SCHEMA)")

.PHONY: validate
validate: ## Check specs: SPEC="paths of files and folders"
	@go run ./spec/validate $(SPEC)

.PHONY: status
status: bin/operate ## Show how the workspaces of a deployed stack are: WORKSPACE=name shows all of one
	@bin/operate status -workspace "$(WORKSPACE)"

.PHONY: logs
logs: bin/operate ## Show what functions wrote about one: WORKSPACE=name, SINCE=1h, EXECUTION=name, FOLLOW=1
	@bin/operate logs -workspace "$(WORKSPACE)" -since "$(SINCE)" -execution "$(EXECUTION)" $(if $(FOLLOW),-follow)

.PHONY: bin/operate
bin/operate:
	@go build -o bin/operate ./lambda/operate

.PHONY: bin/local
bin/local:
	@go build -o bin/local ./lambda/local

.PHONY: test
test: ## Run all tests; those of the CDK app need Node.js
	go test -timeout 30m ./...

.PHONY: bench
bench: bin/local dist/bootstrap ## Measure what design and README claim
	@bin/local bench -asset dist
	go test -run '^$$' -bench . -benchtime 200ms ./spec ./lambda/internal/emulator/asl

.PHONY: build
build: dist/bootstrap ## Build the binary of the Lambda functions

.PHONY: dist/bootstrap
dist/bootstrap:
	@mkdir -p dist
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -tags lambda.norpc,grpcnotrace,nethttpomithttp2 -ldflags='-s -w -buildid=' -o dist/bootstrap ./lambda

.PHONY: synth
synth: build ## Write the CloudFormation template to cdk.out; needs no credentials
	$(CDK) synth --quiet

.PHONY: diff
diff: build ## Compare the stack with what is deployed
	$(CDK) diff

.PHONY: deploy
deploy: build ## Deploy the stack
	$(CDK) deploy

.PHONY: target-role
target-role: ## Write the template of the role that another AWS account needs to cdk.out/target-role.template.json
	@mkdir -p cdk.out
	@go run ./infra target-role > cdk.out/target-role.template.json

.PHONY: generate
generate: ## Write the JSON Schema, golden files and README parts anew
	go generate ./spec
	go test -p 1 ./lambda/plan ./lambda/internal/report/catalogue ./spec ./infra -update
	go test -p 1 -run 'Derived|Follow|View' ./lambda/internal/failure ./lambda/local -update
	go test ./lambda/internal/chat ./lambda/internal/telemetry ./lambda/operate -update

.PHONY: fmt
fmt: ## Format the code
	gofmt -s -w spec lambda infra

.PHONY: lint
lint: ## Run the linters
	@test -z "$$(gofmt -s -l spec lambda infra | tee /dev/stderr)" || { echo 'run make fmt'; exit 1; }
	go vet ./...
	$(GOLANGCI_LINT) run ./...

.PHONY: lint-template
lint-template: synth target-role ## Check the template (cfn-lint, where it is installed) and the state machine
	@if command -v cfn-lint >/dev/null; then cfn-lint --ignore-checks W3005 -- cdk.out/*.template.json && echo 'cfn-lint: no findings'; \
	else echo 'cfn-lint is not installed (pip install cfn-lint): the template was NOT checked by it'; fi
	@tmp=$$(mktemp -d) && trap 'rm -r "$$tmp"' EXIT && \
	sed -E 's/"\$$\{([A-Za-z]+)\}"/"arn:aws:lambda:eu-west-1:123456789012:function:lakegate-\1"/' lambda/plan/testdata/workspace.asl.json > "$$tmp/workspace.asl.json" && \
	npx --yes asl-validator@4.0.0 --json-path "$$tmp/workspace.asl.json" && echo 'asl-validator: no findings'

.PHONY: interpreter
interpreter: bin/local ## Run the state machine on another interpreter (moto, where it is installed)
	@if python3 -c 'import moto.stepfunctions' 2>/dev/null; then bin/local interpreter -spec spec/examples/tokyo.yaml -aws-port $(AWS_PORT); \
	else echo 'moto is not installed (pip install "moto[server]"): the state machine was NOT run on another interpreter'; fi

.PHONY: probe
probe: ## Run the program that runs on clusters (python3, where it is installed)
	@if command -v python3 >/dev/null; then go test -count=1 -tags python ./lambda/internal/probe; \
	else echo 'python3 is not installed: lambda/internal/probe/probe.py was NOT run'; fi

.PHONY: readme
readme: ## Run the commands of README.md (those of the AWS CLI, where it is installed)
	@command -v aws >/dev/null || echo 'aws is not installed (pip install awscli): its commands in README.md were NOT run'
	go test -count=1 -tags readme -run '^TestCommands$$' ./lambda/local

.PHONY: page
page: ## Open the page of make local in a browser (chromium, where it is installed) and look at all of it
	@if command -v chromium >/dev/null; then go test -count=1 -tags browser -run Browser ./lambda/local/page; \
	else echo 'chromium is not installed: the page was NOT opened in a browser'; fi

.PHONY: chat
chat: ## Hold every chat message against what Slack and Microsoft publish on npm
	go test -count=1 -tags npm -run '^TestPublishedForms$$' ./lambda/internal/chat

.PHONY: workflow
workflow: ## Check the workflow of the example repository, and run it on an emulated AWS (the AWS CLI, where it is installed)
	$(ACTIONLINT) spec/examples/repository/.github/workflows/*.yaml && echo 'actionlint: no findings'
	@if command -v aws >/dev/null; then go test -count=1 -tags awscli -run '^TestWorkflow$$' ./lambda/local; \
	else echo 'the AWS CLI is not installed: the workflow was NOT run'; fi

.PHONY: check
check: lint lint-template probe interpreter chat workflow page readme ## Lint, check the template, and see that nothing generated is out of date
	go generate ./spec
	@git diff --exit-code -- spec README.md lambda/plan || { echo 'generated files are out of date: run make generate'; exit 1; }
