package emulator

import (
	"maps"
	"slices"

	"lakegate/lambda/internal/emulator/databricks"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/kms"
)

// awsView is AWS as Databricks sees it.
type awsView struct{ w *World }

func (v awsView) Endpoint(region, id string) (databricks.Endpoint, bool) {
	e, ok := v.w.EC2.Endpoint(region, id)
	return databricks.Endpoint{AccountID: v.w.Config.AWSAccount, ServiceName: e.Service, State: e.State, VPCID: e.VPCID}, ok
}

func (v awsView) AcceptEndpoint(region, id string) error {
	return v.w.EC2.AcceptEndpoint(region, id, databricksAWSAccount)
}

func (v awsView) Role(arn string) (databricks.Role, bool) {
	r, ok := v.w.IAM.Role(arn)
	var policies []string
	for _, name := range slices.Sorted(maps.Keys(r.Policies)) {
		policies = append(policies, r.Policies[name])
	}
	return databricks.Role{Name: r.Name, Changed: r.Changed, Trust: r.Trust, Policies: policies}, ok
}

func (v awsView) Bucket(name string) (databricks.Bucket, bool) {
	b, ok := v.w.S3.Bucket(name)
	p := b.PublicAccessBlock
	blocked := p != nil && p.BlockPublicAcls && p.BlockPublicPolicy && p.IgnorePublicAcls && p.RestrictPublicBuckets
	return databricks.Bucket{Region: b.Region, Policy: b.Policy, PublicAccessBlocked: blocked}, ok
}

func (v awsView) Subnet(region, id string) (databricks.Subnet, bool) {
	for _, s := range v.w.EC2.Subnets(region) {
		if s.ID == id {
			return databricks.Subnet{
				VPCID: s.VPCID, CIDR: s.CIDR.String(), AvailabilityZone: s.Zone, ACL: v.entries(region, id),
			}, true
		}
	}
	return databricks.Subnet{}, false
}

// entries are the rules of the network ACL of a subnet.
func (v awsView) entries(region, subnet string) []databricks.ACLEntry {
	var out []databricks.ACLEntry
	for _, acl := range v.w.EC2.NetworkACLs(region) {
		if !slices.ContainsFunc(acl.Associations, func(a ec2.ACLAssociation) bool { return a.SubnetID == subnet }) {
			continue
		}
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

func (v awsView) SecurityGroup(region, id string) (databricks.SecurityGroup, bool) {
	for _, g := range v.w.EC2.SecurityGroups(region) {
		if g.ID != id {
			continue
		}
		out := databricks.SecurityGroup{VPCID: g.VPCID}
		for _, r := range v.w.EC2.Rules(region) {
			if r.GroupID == id {
				out.Rules = append(out.Rules, databricks.SecurityRule{
					Egress: r.Egress, Protocol: r.Protocol, FromPort: r.FromPort, ToPort: r.ToPort,
					CIDR: r.CIDR, GroupID: r.PeerGroupID, PrefixListID: r.PrefixListID,
				})
			}
		}
		return out, true
	}
	return databricks.SecurityGroup{}, false
}

func (v awsView) AccountID() string { return v.w.Config.AWSAccount }

func (v awsView) InstanceProfile(arn string) (databricks.InstanceProfile, bool) {
	p, ok := v.w.IAM.InstanceProfile(arn)
	return databricks.InstanceProfile{Name: p.Name, Changed: p.Changed, Role: p.Role}, ok
}

func (v awsView) Key(arn string) (databricks.Key, bool) {
	k, ok := v.w.KMS.Key(arn)
	return databricks.Key{Enabled: k.State == kms.Enabled, Policy: k.Policy}, ok
}

func (v awsView) Databases(region string) []string { return v.w.Glue.Databases(region) }

func (v awsView) EnsureDatabase(region, name string) { v.w.Glue.Add(region, name) }
