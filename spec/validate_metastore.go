package spec

import "strings"

const (
	metastorePath = "spec.metastore"
	gluePath      = metastorePath + ".glue"
	egressPath    = "spec.egress"
)

func (c checker) checkMetastore() {
	m := c.Spec.Metastore
	c.exclusiveMembers(metastorePath, "glue", "unityCatalog", "hive")
	if c.given(metastorePath) && c.sound(metastorePath) && m == (Metastore{}) && c.membersSound(metastorePath, "glue", "unityCatalog", "hive") {
		c.add(metastorePath, "has no metastore: want glue, unityCatalog or hive, or no spec.metastore at all")
	}
	if m.Glue != nil {
		c.exclusive(join(gluePath, "endpoint"), "id", "name")
		c.exclusive(join(gluePath, "instanceProfile"), "arn", "name")
		path := join(gluePath, "instanceProfile.arn")
		c.sameAccount(path, m.Glue.InstanceProfile.ARN, "an instance profile")
	}
	if m.Hive != nil && len(c.Spec.Egress.Routes) == 0 && c.sound(join(egressPath, "routes")) && c.sound(egressPath) {
		c.add(metastorePath+".hive", "is in the public network, and spec.egress has no route to it: give the routes that a firewall watches, or use glue, which has a private endpoint")
	}
	if m.Hive != nil && m.Hive.Host == "" && c.sound(join(metastorePath, "hive.host")) {
		if region, ok := LookupRegion(c.Spec.Region); ok && region.HiveHost == "" {
			c.add(metastorePath+".hive", "has no host, and none is known in %s: give the host that Databricks names, or use glue", region.Name)
		}
	}
}

// exclusiveMembers notes members of which one alone can be.
func (c checker) exclusiveMembers(path string, keys ...string) {
	first := ""
	for _, key := range keys {
		if !c.given(join(path, key)) {
			continue
		}
		if first != "" {
			c.add(join(path, key), "is given beside %s: want one of %s", first, strings.Join(keys, ", "))
			continue
		}
		first = key
	}
}

func (c checker) membersSound(path string, keys ...string) bool {
	for _, key := range keys {
		if !c.sound(join(path, key)) {
			return false
		}
	}
	return true
}

// sameAccount notes an ARN that is of another AWS account.
func (c checker) sameAccount(path, arn, what string) {
	if arn == "" || !c.sound(path) || !c.sound("spec.aws.accountId") {
		return
	}
	if owner := strings.Split(arn, ":")[4]; owner != c.Spec.AWS.AccountID {
		c.add(path, "is in the account %s, but spec.aws.accountId is %s: want %s of the same account", owner, c.Spec.AWS.AccountID, what)
	}
}

func (c checker) checkEgress() {
	e := c.Spec.Egress
	routes := join(egressPath, "routes")
	if len(e.Routes) > 0 && c.Spec.Network.VPC.ID == "" && c.sound(join(vpcPath, "id")) {
		c.add(routes, "is given, but the VPC is yet to be created and has no way out: give spec.network.vpc.id, or remove spec.egress")
	}
	seen := map[string]bool{}
	for i, r := range e.Routes {
		if path := join(item(routes, i), "destination"); c.sound(path) && seen[r.Destination] {
			c.add(path, "%s is the destination of another route too: remove one", r.Destination)
		}
		seen[r.Destination] = true
	}
	if hosts := join(egressPath, "hosts"); len(e.Hosts) > 0 {
		if len(e.Routes) == 0 && c.sound(routes) {
			c.add(hosts, "is given without routes: nothing outside can be reached without one")
		}
		c.repeated(hosts, e.Hosts)
	}
}
