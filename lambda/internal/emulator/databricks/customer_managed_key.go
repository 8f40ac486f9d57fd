package databricks

import "strings"

const nounKey = "Customer-managed key"

// The use cases of a customer-managed key.
const (
	keyManagedServices = "MANAGED_SERVICES"
	keyStorage         = "STORAGE"
)

// CustomerManagedKey is a KMS key for managed services or workspace storage.
// https://docs.databricks.com/api/account/encryptionkeys
type CustomerManagedKey struct {
	CustomerManagedKeyID string      `json:"customer_managed_key_id"`
	AccountID            string      `json:"account_id"`
	AWSKeyInfo           *AWSKeyInfo `json:"aws_key_info"`
	UseCases             []string    `json:"use_cases"`
	CreationTime         int64       `json:"creation_time"`
}

// AWSKeyInfo is the key in KMS.
type AWSKeyInfo struct {
	KeyARN                    string `json:"key_arn"`
	KeyAlias                  string `json:"key_alias,omitempty"`
	KeyRegion                 string `json:"key_region"`
	ReuseKeyForClusterVolumes *bool  `json:"reuse_key_for_cluster_volumes,omitempty"`
}

func (s *Server) createCustomerManagedKey(r *request) (any, error) {
	k, err := decode[CustomerManagedKey](r)
	if err != nil {
		return nil, err
	}
	if k.AWSKeyInfo == nil {
		return nil, required("aws_key_info")
	}
	arn := strings.Split(k.AWSKeyInfo.KeyARN, ":")
	if len(arn) != 6 || arn[0] != "arn" || arn[2] != "kms" {
		return nil, invalid("aws_key_info.key_arn must be the ARN of a KMS key, is %q", k.AWSKeyInfo.KeyARN)
	}
	if len(k.UseCases) == 0 {
		return nil, required("use_cases")
	}
	for _, use := range k.UseCases {
		if use != keyManagedServices && use != keyStorage {
			return nil, invalid("use_cases must be MANAGED_SERVICES or STORAGE, has %q", use)
		}
	}
	if err := checkQuota(nounKey, len(s.customerManaged.ids), s.cfg.Quotas.CustomerManagedKeys); err != nil {
		return nil, err
	}
	k.AWSKeyInfo.KeyRegion = arn[3]
	k.CustomerManagedKeyID = s.newUUID("customer-managed-keys", k.AWSKeyInfo.KeyARN)
	k.AccountID = s.cfg.AccountID
	k.CreationTime = s.millis()
	add(s, &s.customerManaged, k.CustomerManagedKeyID, k)
	return k, nil
}

func (s *Server) listCustomerManagedKeys(*request) (any, error) {
	return list(s, &s.customerManaged, same), nil
}

func (s *Server) getCustomerManagedKey(r *request) (any, error) {
	return find(s, &s.customerManaged, nounKey, r.id())
}

func (s *Server) deleteCustomerManagedKey(r *request) (any, error) {
	k, err := take(&s.customerManaged, nounKey, r.id())
	if err != nil {
		return nil, err
	}
	for id, ws := range s.workspaces.all() {
		if ws.ManagedServicesKeyID == k.CustomerManagedKeyID || ws.StorageKeyID == k.CustomerManagedKeyID {
			return nil, inUse("Customer-managed Key", id)
		}
	}
	s.customerManaged.remove(k.CustomerManagedKeyID)
	return k, nil
}
