package main

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
)

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
	// FunctionsVPC (functionsVpc) is the VPC of the users, if the functions that
	// call workspaces are to run there: workspaces that are closed to the public
	// network admit them only so. FunctionsSubnets and FunctionsSecurityGroups
	// (functionsSubnets, functionsSecurityGroups) are ids in it, as a list or
	// separated by commas.
	FunctionsVPC                              string
	FunctionsSubnets, FunctionsSecurityGroups []string
}

// check refuses settings that do not fit together.
func (s settings) check() error {
	given := 0
	for _, is := range []bool{s.FunctionsVPC != "", len(s.FunctionsSubnets) > 0, len(s.FunctionsSecurityGroups) > 0} {
		if is {
			given++
		}
	}
	if given != 0 && given != 3 {
		return fmt.Errorf("reading the context: functionsVpc, functionsSubnets and functionsSecurityGroups are given together or not at all")
	}
	return nil
}

func settingsFrom(node constructs.Node) settings {
	get := func(key, otherwise string) string {
		if value, ok := node.TryGetContext(&key).(string); ok && value != "" {
			return value
		}
		return otherwise
	}
	list := func(key string) []string {
		var out []string
		switch value := node.TryGetContext(&key).(type) {
		case string:
			out = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
		case []any:
			for _, v := range value {
				out = append(out, fmt.Sprint(v))
			}
		}
		return out
	}
	return settings{
		Asset:            get("asset", "dist"),
		SourceBucket:     get("sourceBucket", ""),
		StateBucket:      get("stateBucket", ""),
		LogBucket:        get("logBucket", ""),
		DatabricksSecret: get("databricksSecret", "lakegate/databricks"),
		DatabricksHost:   get("databricksHost", ""),

		FunctionsVPC:            get("functionsVpc", ""),
		FunctionsSubnets:        list("functionsSubnets"),
		FunctionsSecurityGroups: list("functionsSecurityGroups"),
	}
}
