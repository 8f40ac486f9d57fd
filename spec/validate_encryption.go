package spec

import "strings"

const encryptionPath = "spec.encryption"

func (c checker) checkEncryption() {
	e := c.Spec.Encryption
	for _, k := range []struct {
		path string
		key  *Key
	}{
		{join(encryptionPath, "managedServicesKey"), e.ManagedServicesKey},
		{join(encryptionPath, "storageKey"), e.StorageKey},
	} {
		if k.key == nil {
			continue
		}
		c.exclusive(k.path, "arn", "alias")
		path := join(k.path, "arn")
		c.sameAccount(path, k.key.ARN, "a key")
		if k.key.ARN != "" && c.sound(path) && c.sound("spec.region") {
			if region := strings.Split(k.key.ARN, ":")[3]; region != c.Spec.Region {
				c.add(path, "is in the region %s, but spec.region is %s: want a key of the same region", region, c.Spec.Region)
			}
		}
	}
	if m, s := e.ManagedServicesKey, e.StorageKey; m != nil && s != nil && m.ARN == "" && s.ARN == "" && m.Alias == s.Alias {
		c.add(join(encryptionPath, "storageKey.alias"), "%s is the alias of managedServicesKey too: choose another, or give both keys the same arn", quote(s.Alias))
	}
}
