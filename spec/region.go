package spec

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Region is what Databricks runs in an AWS region, as public sources say it;
// the column source of regions.csv names them. Nothing here is a certainty:
// the endpoint services are looked up before they are used, and a spec can
// name others.
type Region struct {
	// Name of the region in AWS, such as ap-northeast-1.
	Name string
	// DatabricksName of the region, as in host and bucket names: tokyo.
	DatabricksName string
	// WorkspaceServices are names of the endpoint service of the workspace's
	// web application and REST API. Where sources disagree there are several,
	// the best attested first: which one is offered, only AWS can say.
	WorkspaceServices []string
	// RelayService is the name of the endpoint service of the secure cluster
	// connectivity relay.
	RelayService string
	// WebappHost is the public host of the control plane's web application.
	// Empty where no source names it.
	WebappHost string
	// RelayHost is the public host of the relay. Empty where no source names
	// it.
	RelayHost string
	// ArtifactBuckets hold the runtime that compute downloads.
	ArtifactBuckets []string
	// LogBucket takes the logs of compute.
	LogBucket string
	// DatasetsBucket holds the sample data sets.
	DatasetsBucket string
	// SystemTablesBucket holds the system tables of Unity Catalog.
	SystemTablesBucket string
	// HiveHost is the public host of the Hive metastore that Databricks runs.
	// Empty where no source names it.
	HiveHost string

	unsupported string
}

// Supported returns nil if a workspace with back-end PrivateLink can be made in
// the region, and else an error that says why not.
func (r Region) Supported() error {
	if r.unsupported == "" {
		return nil
	}
	return fmt.Errorf("region %s is not supported: %s", r.Name, r.unsupported)
}

// LookupRegion returns the region of that name. It knows some regions that are
// not supported, so that their users learn the reason.
func LookupRegion(name string) (Region, bool) {
	for _, r := range regions() {
		if r.Name == name {
			return r, true
		}
	}
	return Region{}, false
}

// RegionNames returns the sorted names of all supported regions.
func RegionNames() []string {
	var names []string
	for _, r := range regions() {
		if r.Supported() == nil {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

//go:embed regions.csv
var regionTable string

var regions = sync.OnceValue(func() []Region {
	rows, err := csv.NewReader(strings.NewReader(regionTable)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("spec: regions.csv: %v", err))
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	table := make([]Region, 0, len(rows)-1)
	for _, row := range rows[1:] {
		cell := func(name string) string { return row[column[name]] }
		table = append(table, Region{
			Name:               cell("region"),
			DatabricksName:     cell("databricks_name"),
			WorkspaceServices:  list(cell("workspace_services")),
			RelayService:       cell("relay_service"),
			WebappHost:         cell("webapp_host"),
			RelayHost:          cell("relay_host"),
			ArtifactBuckets:    list(cell("artifact_buckets")),
			LogBucket:          cell("log_bucket"),
			DatasetsBucket:     cell("datasets_bucket"),
			SystemTablesBucket: cell("system_tables_bucket"),
			HiveHost:           cell("hive_host"),
			unsupported:        cell("unsupported"),
		})
	}
	return table
})

func list(cell string) []string {
	if cell == "" {
		return nil
	}
	return strings.Split(cell, "|")
}
