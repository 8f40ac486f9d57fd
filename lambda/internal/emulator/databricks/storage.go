package databricks

import "fmt"

const nounStorage = "Storage configuration"

// StorageConfiguration is the root bucket of a workspace.
// https://docs.databricks.com/api/account/storage
type StorageConfiguration struct {
	StorageConfigurationID   string         `json:"storage_configuration_id"`
	AccountID                string         `json:"account_id"`
	RootBucketInfo           RootBucketInfo `json:"root_bucket_info"`
	StorageConfigurationName string         `json:"storage_configuration_name"`
	CreationTime             int64          `json:"creation_time"`
	RoleARN                  string         `json:"role_arn,omitempty"`
}

// RootBucketInfo names the root bucket.
type RootBucketInfo struct {
	BucketName string `json:"bucket_name"`
}

// createStorage does not look at the bucket: the service does that when a
// workspace is created.
func (s *Server) createStorage(r *request) (any, error) {
	c, err := decode[StorageConfiguration](r)
	if err != nil {
		return nil, err
	}
	if err := checkName("storage_configuration_name", c.StorageConfigurationName); err != nil {
		return nil, err
	}
	if c.RootBucketInfo.BucketName == "" {
		return nil, required("root_bucket_info.bucket_name")
	}
	for _, other := range s.storage.all() {
		if other.StorageConfigurationName == c.StorageConfigurationName {
			return nil, exists(nounStorage, c.StorageConfigurationName)
		}
	}
	// https://github.com/databricks/terraform-provider-databricks/issues/1586
	if err := checkQuota(nounStorage, len(s.storage.ids), s.cfg.Quotas.StorageConfigurations); err != nil {
		return nil, err
	}
	c.StorageConfigurationID = s.newUUID("storage-configurations", c.StorageConfigurationName)
	c.AccountID = s.cfg.AccountID
	c.CreationTime = s.millis()
	add(s, &s.storage, c.StorageConfigurationID, c)
	return c, nil
}

func (s *Server) listStorage(*request) (any, error) { return list(s, &s.storage, same), nil }

func (s *Server) getStorage(r *request) (any, error) {
	return find(s, &s.storage, nounStorage, r.id())
}

func (s *Server) deleteStorage(r *request) (any, error) {
	c, err := take(&s.storage, nounStorage, r.id())
	if err != nil {
		return nil, err
	}
	for id, ws := range s.workspaces.all() {
		if ws.StorageConfigurationID == c.StorageConfigurationID {
			return nil, inUse("Storage Configuration", id)
		}
	}
	s.storage.remove(c.StorageConfigurationID)
	return c, nil
}

// bucketFault says why Databricks cannot keep a workspace's root storage in a
// bucket; empty if it can.
// https://docs.databricks.com/aws/en/admin/account-settings-e2/storage
func (s *Server) bucketFault(name, region string) string {
	bucket, ok := s.cfg.AWS.Bucket(name)
	switch {
	case !ok:
		return fmt.Sprintf("The root storage bucket %s does not exist.", name)
	case bucket.Region != region:
		return fmt.Sprintf("The root storage bucket %s is in region %s, the workspace is in %s.", name, bucket.Region, region)
	case !bucket.PublicAccessBlocked:
		return fmt.Sprintf("The root storage bucket %s does not block public access.", name)
	}
	arn := "arn:aws:s3:::" + name
	for action, resource := range map[string]string{
		"s3:ListBucket": arn, "s3:GetBucketLocation": arn,
		"s3:GetObject": arn + "/any", "s3:GetObjectVersion": arn + "/any",
		"s3:PutObject": arn + "/any", "s3:DeleteObject": arn + "/any",
	} {
		if !allowed(bucket.Policy, access{
			principal: "arn:aws:iam::" + databricksAWSAccount + ":root", action: action, resource: resource,
			context: map[string]string{
				"aws:PrincipalTag/DatabricksAccountId": s.cfg.AccountID,
				"aws:PrincipalAccount":                 databricksAWSAccount,
				"aws:SecureTransport":                  "true",
			},
		}) {
			return fmt.Sprintf("The policy of the root storage bucket %s does not allow Databricks all of the required actions.", name)
		}
	}
	return ""
}
