package emulator

import (
	"fmt"
	"maps"
	"slices"

	"lakegate/lambda/internal/emulator/databricks"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/kms"
)

// awsView is AWS as Databricks sees it: endpoints to its services and buckets
// wherever they are, all else in the account that it is told.
type awsView struct{ w *World }

func (v awsView) Endpoint(region, id string) (databricks.Endpoint, bool) {
	a, e, ok := everyEC2(v).endpoint(region, id)
	if !ok {
		return databricks.Endpoint{}, false
	}
	return databricks.Endpoint{AccountID: a.ID, ServiceName: e.Service, State: e.State, VPCID: e.VPCID}, true
}

func (v awsView) AcceptEndpoint(region, id string) error {
	a, _, ok := everyEC2(v).endpoint(region, id)
	if !ok {
		return fmt.Errorf("accepting endpoint %s: it does not exist", id)
	}
	return a.EC2.AcceptEndpoint(region, id, databricksAWSAccount)
}

func (v awsView) Role(arn string) (databricks.Role, bool) {
	a := v.w.of(arn)
	if a == nil {
		return databricks.Role{}, false
	}
	r, ok := a.IAM.Role(arn)
	var policies []string
	for _, name := range slices.Sorted(maps.Keys(r.Policies)) {
		policies = append(policies, r.Policies[name])
	}
	return databricks.Role{Name: r.Name, Changed: r.Changed, Trust: r.Trust, Policies: policies}, ok
}

func (v awsView) Bucket(name string) (databricks.Bucket, bool) {
	for _, a := range v.w.Accounts {
		b, ok := a.S3.Bucket(name)
		if !ok {
			continue
		}
		p := b.PublicAccessBlock
		blocked := p != nil && p.BlockPublicAcls && p.BlockPublicPolicy && p.IgnorePublicAcls && p.RestrictPublicBuckets
		return databricks.Bucket{AccountID: a.ID, Region: b.Region, Policy: b.Policy, PublicAccessBlocked: blocked}, true
	}
	return databricks.Bucket{}, false
}

func (v awsView) Subnet(account, region, id string) (databricks.Subnet, bool) {
	a := v.w.In(account)
	if a == nil {
		return databricks.Subnet{}, false
	}
	found := a.EC2.Subnets(region, func(s *ec2.Subnet) bool { return s.ID == id })
	if len(found) == 0 {
		return databricks.Subnet{}, false
	}
	s := found[0]
	return databricks.Subnet{VPCID: s.VPCID, CIDR: s.CIDR.String(), AvailabilityZone: s.Zone, ACL: a.entries(region, id)}, true
}

// entries are the rules of the network ACL of a subnet.
func (a *Account) entries(region, subnet string) []databricks.ACLEntry {
	var out []databricks.ACLEntry
	for _, acl := range a.EC2.NetworkACLs(region, ec2.OfSubnet(subnet)) {
		for _, e := range acl.Entries {
			entry := databricks.ACLEntry{Number: e.Number, Egress: e.Egress, Allow: e.Allow, Protocol: e.Protocol, ToPort: 65535, CIDR: e.CIDR.String()}
			if e.FromPort != nil && e.ToPort != nil {
				entry.FromPort, entry.ToPort = *e.FromPort, *e.ToPort
			}
			out = append(out, entry)
		}
	}
	return out
}

func (v awsView) SecurityGroup(account, region, id string) (databricks.SecurityGroup, bool) {
	a := v.w.In(account)
	if a == nil {
		return databricks.SecurityGroup{}, false
	}
	found := a.EC2.SecurityGroups(region, func(g *ec2.SecurityGroup) bool { return g.ID == id })
	if len(found) == 0 {
		return databricks.SecurityGroup{}, false
	}
	out := databricks.SecurityGroup{VPCID: found[0].VPCID}
	for _, r := range a.EC2.Rules(region, func(r *ec2.Rule) bool { return r.GroupID == id }) {
		out.Rules = append(out.Rules, databricks.SecurityRule{
			Egress: r.Egress, Protocol: r.Protocol, FromPort: r.FromPort, ToPort: r.ToPort,
			CIDR: r.CIDR, GroupID: r.PeerGroupID, PrefixListID: r.PrefixListID,
		})
	}
	return out, true
}

func (v awsView) InstanceProfile(arn string) (databricks.InstanceProfile, bool) {
	a := v.w.of(arn)
	if a == nil {
		return databricks.InstanceProfile{}, false
	}
	p, ok := a.IAM.InstanceProfile(arn)
	return databricks.InstanceProfile{Name: p.Name, Changed: p.Changed, Role: p.Role}, ok
}

func (v awsView) Key(arn string) (databricks.Key, bool) {
	a := v.w.of(arn)
	if a == nil {
		return databricks.Key{}, false
	}
	k, ok := a.KMS.Key(arn)
	return databricks.Key{Enabled: k.State == kms.Enabled, Policy: k.Policy}, ok
}

func (v awsView) Databases(account, region string) []string {
	if a := v.w.In(account); a != nil {
		return a.Glue.Databases(region)
	}
	return nil
}

func (v awsView) EnsureDatabase(account, region, name string) {
	if a := v.w.In(account); a != nil {
		a.Glue.Add(region, name)
	}
}
