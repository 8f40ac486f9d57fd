package emulator

import (
	"fmt"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
	"lakegate/spec"
)

// Object is something that exists, for people to look at.
type Object struct{ Kind, Name, ID, More string }

// Objects lists what exists in all accounts, in the order of the procedure.
func (w *World) Objects() []Object {
	var out []Object
	for _, a := range w.Accounts {
		out = append(out, a.objects()...)
	}
	for _, o := range w.Databricks.Objects() {
		out = append(out, Object{o.Kind, o.Name, o.ID, o.State})
	}
	return out
}

func (a *Account) objects() []Object {
	var out []Object
	for _, region := range spec.RegionNames() {
		out = append(out, a.network(region)...)
	}
	for _, z := range a.Zones.Zones() {
		out = append(out, Object{"hosted zone", strings.TrimSuffix(z.Name, "."), z.ID, ""})
	}
	for _, r := range a.IAM.Roles() {
		out = append(out, Object{"role", r.Name, r.ARN, ""})
	}
	for _, b := range a.S3.Buckets() {
		if b.Name != sourceBucket && b.Name != stateBucket {
			out = append(out, Object{"bucket", b.Name, "arn:aws:s3:::" + b.Name, b.Region})
		}
	}
	return out
}

func (a *Account) network(region string) []Object {
	var out []Object
	for _, k := range a.KMS.Keys(region) {
		out = append(out, Object{"key", strings.Join(k.Aliases, " "), k.ARN, string(k.State)})
	}
	names := map[string]string{}
	for _, x := range a.EC2.VPCs(region) {
		out = append(out, Object{"VPC", x.Tags["Name"], x.ID, x.CIDR.String()})
	}
	for _, x := range a.EC2.Subnets(region) {
		names[x.ID] = orElse(x.Tags["Name"], x.ID)
		out = append(out, Object{"subnet", x.Tags["Name"], x.ID, x.CIDR.String() + " " + x.Zone})
	}
	for _, x := range a.EC2.RouteTables(region) {
		var of []string
		name := x.Tags["Name"]
		for _, a := range x.Associations {
			if a.SubnetID == "" {
				name = orElse(name, "(main)")
				continue
			}
			of = append(of, names[a.SubnetID])
		}
		out = append(out, Object{"route table", name, x.ID, strings.TrimSpace(fmt.Sprintf("%d routes %s", len(x.Routes), strings.Join(of, " ")))})
	}
	for _, x := range a.EC2.SecurityGroups(region) {
		if x.Name == "default" {
			continue
		}
		in, outward := 0, 0
		for _, r := range a.EC2.Rules(region) {
			if r.GroupID == x.ID && r.Egress {
				outward++
			} else if r.GroupID == x.ID {
				in++
			}
		}
		out = append(out, Object{"security group", x.Name, x.ID, fmt.Sprintf("%d rules in, %d out", in, outward)})
	}
	for _, x := range a.EC2.Endpoints(region) {
		more := x.State
		if x.PrivateDNS {
			more += ", private DNS"
		}
		out = append(out, Object{"endpoint", x.Tags["Name"], x.ID, more + " " + x.Service})
	}
	return out
}

// Changes returns the calls since the n-th that could change the world: all that
// are not reads, but for events, objects in buckets and starts of executions.
func (w *World) Changes(n int) []wire.Record {
	var out []wire.Record
	for _, c := range w.Hub.Calls()[n:] {
		if c.Mutating && builds(c) {
			out = append(out, c)
		}
	}
	return out
}

// Looks counts the calls since the n-th to the services of which a workspace is
// made.
func (w *World) Looks(n int) int {
	count := 0
	for _, c := range w.Hub.Calls()[n:] {
		if builds(c) {
			count++
		}
	}
	return count
}

// builds says whether a call is to what a workspace is made of, and not to the
// stack's own buckets, bus and state machine.
func builds(c wire.Record) bool {
	switch c.Service {
	case "ec2", "iam", "glue", "kms", "route53":
		return true
	case "databricks":
		return c.Action != "GetToken" && c.Action != "GetHostMetadata" && c.Action != "GetOAuthMetadata"
	case "s3":
		switch c.Action {
		case "GetObject", "HeadObject", "PutObject", "DeleteObject", "ListObjectsV2":
			return false
		}
		return true
	}
	return false
}

// Environment returns the lines of a shell script that point clients of AWS and
// Databricks at this world.
func (w *World) Environment() string {
	var roles []string
	if len(w.Config.TargetRoles) > 0 {
		roles = []string{"export TARGET_ROLE_ARN=" + w.Config.TargetRoles[0]}
	}
	return strings.Join(slices.Concat(roles, []string{
		"export AWS_ENDPOINT_URL=" + w.AWSURL,
		"export AWS_ACCESS_KEY_ID=author",
		"export AWS_SECRET_ACCESS_KEY=emulated",
		"export AWS_REGION=" + w.Config.Region,
		"export AWS_DEFAULT_REGION=" + w.Config.Region,
		"export STATE_MACHINE_ARN=" + w.StateMachineARN(),
		"export GIT_CLONE_URL=" + w.CloneURL(sourceRepository),
		"export DATABRICKS_HOST=" + w.DatabricksURL,
		"export DATABRICKS_ACCOUNT_ID=" + w.Config.DatabricksAccount,
		"export DATABRICKS_CLIENT_ID=" + clientID,
		"export DATABRICKS_CLIENT_SECRET=" + clientSecret,
		"",
	}), "\n")
}
