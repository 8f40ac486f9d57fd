// Package limits says how often the services let themselves be called: the one
// table that the emulator enforces and that measurements are compared with.
package limits

import (
	"time"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

// What is documented, and what is not.
const (
	ec2      = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html"
	states   = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"
	lambda   = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
	events   = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"
	route53  = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html"
	kms      = "https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html"
	s3       = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"
	secrets  = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html"
	assumed  = "not documented: an assumption on the low side"
	client15 = "not documented: the rate that databricks-sdk-go keeps by default"
)

// functions is how many invocations may run at once in a new account.
const functions = 1000

// Services are the limits of an account that has had none of them raised, per
// region, where regions differ those of the smaller ones.
func Services() []wire.Limit {
	running := float64(functions) / latency.Usual[latency.Invocation].Seconds()
	return []wire.Limit{
		{Service: "ec2", Actions: []string{"CreateVpcEndpoint"}, Burst: Endpoints.Burst, PerSecond: Endpoints.PerSecond, Source: ec2},
		{Service: "ec2", Actions: []string{"ModifyVpcEndpoint"}, Burst: 4, PerSecond: 0.3, Source: ec2},
		{Service: "ec2", Actions: []string{"DeleteVpcEndpoints"}, Burst: 4, PerSecond: 0.3, Source: ec2},
		{Service: "ec2", Actions: []string{"CreateTags", "DeleteTags"}, Each: true, Burst: 100, PerSecond: 10, Source: ec2},
		{Service: "ec2", Actions: []string{"Describe*"}, Each: true, Burst: 100, PerSecond: 20, Source: ec2},
		{Service: "ec2", Each: true, Burst: 50, PerSecond: 5, Source: ec2},

		{Service: "states", Actions: []string{"StartExecution", "RedriveExecution"}, Each: true, Burst: 800, PerSecond: 150, Source: states},
		{Service: "states", Actions: []string{"DescribeExecution"}, Burst: 250, PerSecond: 10, Source: states},
		{Service: "states", Actions: []string{"GetExecutionHistory"}, Burst: 400, PerSecond: 20, Source: states},
		// What runs at once is a number and no rate; a function that takes its
		// usual time gives it back at this one.
		{Service: "lambda", Actions: []string{"Invoke"}, Burst: functions, PerSecond: running, Source: lambda},
		{Service: "events", Actions: []string{"PutEvents"}, Burst: 2400, PerSecond: 2400, Source: events},

		{Service: "iam", Actions: []string{"Get*", "List*"}, Burst: 40, PerSecond: 20, Source: assumed},
		{Service: "iam", Burst: 10, PerSecond: 5, Source: assumed},
		{Service: "route53", Burst: 5, PerSecond: 5, Source: route53},
		{Service: "kms", Actions: []string{"CreateKey", "CreateAlias", "UntagResource"}, Each: true, Burst: 5, PerSecond: 5, Source: kms},
		{Service: "kms", Actions: []string{"TagResource"}, Burst: 10, PerSecond: 10, Source: kms},
		{Service: "kms", Actions: []string{"DeleteAlias", "EnableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion"}, Each: true, Burst: 15, PerSecond: 15, Source: kms},
		{Service: "s3", Actions: []string{"GetObject", "HeadObject"}, Burst: 5500, PerSecond: 5500, Source: s3},
		{Service: "s3", Actions: []string{"PutObject", "DeleteObject"}, Burst: 3500, PerSecond: 3500, Source: s3},
		{Service: "secretsmanager", Burst: 10000, PerSecond: 10000, Source: secrets},

		{Service: "databricks", Actions: accountAPI(), Burst: 15, PerSecond: 15, Source: client15},
	}
}

// Endpoints is the limit that a provisioning meets first: it makes five
// endpoints or more.
var Endpoints = wire.Limit{Burst: 4, PerSecond: 0.3}

// accountAPI are the actions of the Databricks account API; those of workspaces
// are limited for each workspace.
func accountAPI() []string {
	var actions []string
	for _, noun := range []string{
		"Credentials", "StorageConfiguration", "VpcEndpoint", "PrivateAccessSettings", "Network", "Workspace",
		"CustomerManagedKey", "MetastoreAssignment",
	} {
		for _, verb := range []string{"Create", "Get", "List", "Update", "Replace", "Delete"} {
			actions = append(actions, verb+noun+"*")
		}
	}
	return actions
}

// Longest is how long the bucket that needs longest takes to serve calls so many
// times, and which one that is: no order of the calls is faster.
func Longest(uses []wire.Use, times func(wire.Use) int) (time.Duration, wire.Use) {
	var most time.Duration
	var of wire.Use
	for _, u := range uses {
		seconds := (float64(u.Served*times(u)) - u.Limit.Burst) / u.Limit.PerSecond
		if d := time.Duration(seconds * float64(time.Second)); d > most {
			most, of = d, u
		}
	}
	return most, of
}
