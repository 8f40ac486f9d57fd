package main

import "github.com/aws/constructs-go/constructs/v10"

// settings are what an operator chooses, as CDK context (-c key=value or
// cdk.json).
type settings struct {
	// Asset (context asset) is the folder that holds the functions' bootstrap.
	Asset string
	// SourceBucket, StateBucket and LogBucket (sourceBucket, stateBucket,
	// logBucket) are names of buckets that the stack makes. Empty means
	// lakegate-<what it holds>-<account>-<region>.
	SourceBucket, StateBucket, LogBucket string
	// DatabricksSecret (databricksSecret) is the name of the secret with the
	// service principal. The stack does not make it, since its value is the
	// operator's.
	DatabricksSecret string
	// DatabricksHost (databricksHost) is the account console's address, if it
	// is not the usual one.
	DatabricksHost string
}

func settingsFrom(node constructs.Node) settings {
	get := func(key, otherwise string) string {
		if value, ok := node.TryGetContext(&key).(string); ok && value != "" {
			return value
		}
		return otherwise
	}
	return settings{
		Asset:            get("asset", "dist"),
		SourceBucket:     get("sourceBucket", ""),
		StateBucket:      get("stateBucket", ""),
		LogBucket:        get("logBucket", ""),
		DatabricksSecret: get("databricksSecret", "lakegate/databricks"),
		DatabricksHost:   get("databricksHost", ""),
	}
}
