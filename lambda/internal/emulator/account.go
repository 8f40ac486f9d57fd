package emulator

import (
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/cloudtrail"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/glue"
	"lakegate/lambda/internal/emulator/iam"
	"lakegate/lambda/internal/emulator/kms"
	"lakegate/lambda/internal/emulator/route53"
	"lakegate/lambda/internal/emulator/s3"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// Account is one AWS account: the services of which a workspace is made.
type Account struct {
	ID    string
	EC2   *ec2.Service
	IAM   *iam.Service
	S3    *s3.Service
	Glue  *glue.Service
	KMS   *kms.Service
	Zones *route53.Service
	Trail *cloudtrail.Service
}

// ConfigFor returns the configuration of a world in which a spec can be applied:
// one that names a role has it assumed, from the account of the examples.
func ConfigFor(s spec.Spec) Config {
	cfg := Config{
		Region: s.Region, AWSAccount: s.AWS.AccountID, DatabricksAccount: s.Databricks.AccountID, Functions: PlacementFor(s.PrivateLink),
	}
	if s.AWS.RoleARN != "" {
		cfg.AWSAccount, cfg.TargetRoles = ExampleAWSAccount, []string{s.AWS.RoleARN}
		if s.AWS.AccountID != ExampleAWSAccount {
			cfg.Accounts = []string{s.AWS.AccountID}
		}
	}
	return cfg
}

// newAccount makes an account as it is on its first day, but for the databases
// of the examples.
func (w *World) newAccount(id string, names *s3.Names, notify func(s3.ObjectEvent)) *Account {
	a := &Account{
		ID: id, EC2: ec2.New(w.Hub, w.Delays, id), IAM: iam.New(w.Hub, id), S3: s3.New(w.Hub, id, notify),
		Glue: glue.New(w.Hub, id), KMS: kms.New(w.Hub, id), Zones: route53.New(w.Hub, id),
		Trail: cloudtrail.New(w.Hub, id),
	}
	a.S3.Share(names)
	for _, name := range spec.RegionNames() {
		for _, database := range exampleDatabases {
			a.Glue.Add(name, database)
		}
		r, _ := spec.LookupRegion(name)
		// Where sources disagree, the first is the one that is offered here.
		a.offer(name, r.WorkspaceServices[0], r.DatabricksName+".privatelink.cloud.databricks.com")
		a.offer(name, r.RelayService, "tunnel.privatelink."+name+".cloud.databricks.com")
	}
	return a
}

func (a *Account) offer(region, service, dns string) {
	a.EC2.OfferService(region, ec2.ServiceDetail{
		Name: service, Owner: databricksAWSAccount, AcceptanceRequired: true, PrivateDNSName: dns,
	})
}

// services are those of the account as the router serves them.
func (a *Account) services() []*wire.Service {
	return []*wire.Service{a.EC2.Wire(), a.IAM.Wire(), a.S3.Wire(), a.Glue.Wire(), a.KMS.Wire(), a.Zones.Wire(), a.Trail.Wire()}
}

// In returns the account with an id, or nil.
func (w *World) In(id string) *Account {
	for _, a := range w.Accounts {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// of returns the account in an ARN, or nil.
func (w *World) of(arn string) *Account {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return w.In(parts[4])
	}
	return nil
}

// roleOf is the name that CloudFormation gives to the role of a function, or
// empty.
func (w *World) roleOf(caller string) string {
	if !isFunction(caller) {
		return ""
	}
	return plan.StackName + "-" + caller + "Role-EMULATED"
}

// mayAssume says whether the policies of a caller let it assume a role: those of
// a function do if the plan has it work in accounts of workspaces, and the stack
// allows the role.
func (w *World) mayAssume(caller, role string) bool {
	return !isFunction(caller) || len(plan.TargetActions(caller)) > 0 && slices.Contains(w.Config.TargetRoles, role)
}

func isFunction(name string) bool {
	return slices.ContainsFunc(plan.Steps(), func(s plan.Step) bool { return s.Name == name }) ||
		slices.ContainsFunc(plan.Functions(), func(f plan.Function) bool { return f.Name == name })
}

// everyEC2 is what the networks of all accounts have: ids are different in all of
// them.
type everyEC2 struct{ w *World }

func everywhere[T any](v everyEC2, list func(*ec2.Service, string, ...func(*T) bool) []T, region string, only []func(*T) bool) []T {
	var out []T
	for _, a := range v.w.Accounts {
		out = append(out, list(a.EC2, region, only...)...)
	}
	return out
}

func (v everyEC2) VPCs(region string, only ...func(*ec2.VPC) bool) []ec2.VPC {
	return everywhere(v, (*ec2.Service).VPCs, region, only)
}

func (v everyEC2) Subnets(region string, only ...func(*ec2.Subnet) bool) []ec2.Subnet {
	return everywhere(v, (*ec2.Service).Subnets, region, only)
}

func (v everyEC2) RouteTables(region string, only ...func(*ec2.RouteTable) bool) []ec2.RouteTable {
	return everywhere(v, (*ec2.Service).RouteTables, region, only)
}

func (v everyEC2) NetworkACLs(region string, only ...func(*ec2.NetworkACL) bool) []ec2.NetworkACL {
	return everywhere(v, (*ec2.Service).NetworkACLs, region, only)
}

func (v everyEC2) Rules(region string, only ...func(*ec2.Rule) bool) []ec2.Rule {
	return everywhere(v, (*ec2.Service).Rules, region, only)
}

func (v everyEC2) NetworkInterfaces(region string, only ...func(*ec2.NetworkInterface) bool) []ec2.NetworkInterface {
	return everywhere(v, (*ec2.Service).NetworkInterfaces, region, only)
}

func (v everyEC2) Endpoints(region string, only ...func(*ec2.Endpoint) bool) []ec2.Endpoint {
	return everywhere(v, (*ec2.Service).Endpoints, region, only)
}

func (v everyEC2) NATGateways(region string, only ...func(*ec2.NATGateway) bool) []ec2.NATGateway {
	return everywhere(v, (*ec2.Service).NATGateways, region, only)
}

func (v everyEC2) Endpoint(region, id string) (ec2.Endpoint, bool) {
	_, e, ok := v.endpoint(region, id)
	return e, ok
}

// endpoint returns an endpoint and the account that it is in.
func (v everyEC2) endpoint(region, id string) (*Account, ec2.Endpoint, bool) {
	for _, a := range v.w.Accounts {
		if e, ok := a.EC2.Endpoint(region, id); ok {
			return a, e, true
		}
	}
	return nil, ec2.Endpoint{}, false
}

func (v everyEC2) LeadsOut(region, vpc, target string) bool {
	for _, a := range v.w.Accounts {
		if len(a.EC2.VPCs(region, func(x *ec2.VPC) bool { return x.ID == vpc })) > 0 {
			return a.EC2.LeadsOut(region, vpc, target)
		}
	}
	return false
}

// What AWS itself has is the same in every account.

func (v everyEC2) ServiceCIDRs(region, service string) []string {
	return v.w.EC2.ServiceCIDRs(region, service)
}

func (v everyEC2) PrefixListCIDRs(region, id string) []string {
	return v.w.EC2.PrefixListCIDRs(region, id)
}
