package emulator

import (
	"fmt"
	"slices"
	"strings"

	"lakegate/spec"
)

// Inventory lists what exists in all accounts, one line for each object, by
// kind and name, sorted: worlds that hold the same give the same lines. What
// passes with time, such as the state of an endpoint, is left out.
func (w *World) Inventory() []string {
	var out []string
	for _, a := range w.Accounts {
		out = append(out, a.Inventory()...)
	}
	for _, o := range w.Databricks.Objects() {
		out = append(out, fmt.Sprintf("databricks %s %s", o.Kind, o.Name))
	}
	slices.Sort(out)
	return out
}

// Inventory lists what exists in the account, as that of a world does.
func (a *Account) Inventory() []string {
	v := &inventory{a: a, names: map[string]string{}}
	return v.lines()
}

// inventory describes what exists without the ids, which differ between worlds.
type inventory struct {
	a *Account
	// names of objects by id.
	names map[string]string
	out   []string
}

func (v *inventory) lines() []string {
	for _, region := range spec.RegionNames() {
		v.region(region)
	}
	for _, r := range v.a.IAM.Roles() {
		v.out = append(v.out, fmt.Sprintf("role %s %d policies tags %v", r.Name, len(r.Policies), r.Tags))
	}
	for _, b := range v.a.S3.Buckets() {
		v.out = append(v.out, fmt.Sprintf("bucket %s %s policy %d tags %v", b.Name, b.Region, len(b.Policy), b.Tags))
	}
	for _, z := range v.a.Zones.Zones() {
		var records []string
		for _, r := range z.Records {
			if r.Type != "SOA" && r.Type != "NS" {
				records = append(records, r.Type+" "+r.Name)
			}
		}
		v.out = append(v.out, fmt.Sprintf("hosted zone %s of %d VPCs %v tags %v", z.Name, len(z.VPCs), records, z.Tags))
	}
	slices.Sort(v.out)
	return v.out
}

func (v *inventory) region(region string) {
	for _, k := range v.a.KMS.Keys(region) {
		v.out = append(v.out, fmt.Sprintf("key %s rotated %t policy %d tags %v", strings.Join(k.Aliases, ","), k.Rotation, len(k.Policy), k.Tags))
	}
	e := v.a.EC2
	for _, x := range e.VPCs(region) {
		v.name(x.ID, x.Tags)
		v.out = append(v.out, fmt.Sprintf("vpc %s %s dns %t %t", v.names[x.ID], x.CIDR, x.DNSSupport, x.DNSHostnames))
	}
	for _, x := range e.Subnets(region) {
		v.name(x.ID, x.Tags)
		v.out = append(v.out, fmt.Sprintf("subnet %s %s %s in %s", v.names[x.ID], x.CIDR, x.Zone, v.names[x.VPCID]))
	}
	for _, x := range e.SecurityGroups(region) {
		v.names[x.ID] = x.Name
		v.out = append(v.out, fmt.Sprintf("security group %s %q", x.Name, x.Description))
	}
	for _, x := range e.Rules(region) {
		direction := "in"
		if x.Egress {
			direction = "out"
		}
		peer := x.CIDR + x.CIDR6 + v.names[x.PeerGroupID]
		v.out = append(v.out, fmt.Sprintf("rule of %s %s %s %d-%d %s", v.names[x.GroupID], direction, x.Protocol, x.FromPort, x.ToPort, peer))
	}
	for _, x := range e.RouteTables(region) {
		v.name(x.ID, x.Tags)
		var of []string
		for _, a := range x.Associations {
			of = append(of, v.names[a.SubnetID])
		}
		v.out = append(v.out, fmt.Sprintf("route table %s of %s with %d routes", v.names[x.ID], strings.Join(of, ","), len(x.Routes)))
	}
	for _, x := range e.NetworkACLs(region) {
		v.out = append(v.out, fmt.Sprintf("network ACL with %d entries of %d subnets", len(x.Entries), len(x.Associations)))
	}
	for _, x := range e.Endpoints(region) {
		v.name(x.ID, x.Tags)
		v.out = append(v.out, fmt.Sprintf("endpoint %s %s %s dns %t subnets %s groups %s tables %s", v.names[x.ID], x.Service, x.Type, x.PrivateDNS,
			v.all(x.SubnetIDs), v.all(x.GroupIDs), v.all(x.RouteTableIDs)))
	}
}

func (v *inventory) name(id string, tags map[string]string) {
	v.names[id] = orElse(tags["Name"], "unnamed")
}

func (v *inventory) all(ids []string) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, v.names[id])
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}
