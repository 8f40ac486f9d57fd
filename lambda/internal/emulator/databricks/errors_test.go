package databricks

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
)

const notValid = "Failed credential validation checks: please use a valid cross account IAM role with permissions setup correctly"

// TestErrors asks for what must be refused, after everything that one workspace
// needs has been registered.
func TestErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config func(*Config)
		do     func(*world, parts) error
		// made is how many objects do creates before it is refused.
		made int
		want failure
	}{
		{
			name: "credentials: name is taken",
			do:   func(w *world, _ parts) error { _, err := w.newCredentials("main"); return err },
			want: failure{400, "INVALID_PARAMETER_VALUE", "Credential configuration name main already exists in this account. Try again with a unique name."},
		},
		{
			name: "credentials: name is too short",
			do:   func(w *world, _ parts) error { _, err := w.newCredentials("abc"); return err },
			want: failure{400, "INVALID_PARAMETER_VALUE", `credentials_name must have 4 to 256 characters, "abc" has 3`},
		},
		{
			name:   "credentials: quota",
			config: func(c *Config) { c.Quotas.Credentials = 1 },
			do:     func(w *world, _ parts) error { _, err := w.newCredentials("more"); return err },
			want:   failure{400, "INVALID_STATE", "Credential configuration limit exceeded, only 1 credential configurations are allowed"},
		},
		{
			name: "credentials: no such role",
			do: func(w *world, _ parts) error {
				delete(w.cloud.roles, testRole)
				_, err := w.newCredentials("more")
				return err
			},
			want: failure{400, "MALFORMED_REQUEST", notValid},
		},
		{
			name: "credentials: another external id",
			do: func(w *world, _ parts) error {
				editing(w.cloud.roles, testRole, func(r *Role) { r.Trust = strings.ReplaceAll(r.Trust, testAccount, "other") })
				_, err := w.newCredentials("more")
				return err
			},
			want: failure{400, "MALFORMED_REQUEST", notValid},
		},
		{
			name: "credentials: no external id",
			do: func(w *world, _ parts) error {
				editing(w.cloud.roles, testRole, func(r *Role) { r.Trust = strings.ReplaceAll(r.Trust, "Condition", "Remark") })
				_, err := w.newCredentials("more")
				return err
			},
			want: failure{400, "MALFORMED_REQUEST", notValid},
		},
		{
			name: "credentials: another principal",
			do: func(w *world, _ parts) error {
				editing(w.cloud.roles, testRole, func(r *Role) { r.Trust = strings.ReplaceAll(r.Trust, "414351767826", "999999999999") })
				_, err := w.newCredentials("more")
				return err
			},
			want: failure{400, "MALFORMED_REQUEST", notValid},
		},
		{
			name: "credentials: actions are missing",
			do: func(w *world, _ parts) error {
				editing(w.cloud.roles, testRole, func(r *Role) {
					r.Policies = append(r.Policies, `{"Statement":{"Effect":"Deny","Action":["ec2:CancelSpot*","ec2:DeleteTags"],"Resource":"*"}}`)
				})
				_, err := w.newCredentials("more")
				return err
			},
			want: failure{400, "MALFORMED_REQUEST", "Failed credential validation checks: Spot Cancellation, Delete Tags"},
		},
		{
			name:   "credentials: answered as text",
			config: func(c *Config) { c.PlainTextCredentialErrors = true },
			do: func(w *world, _ parts) error {
				delete(w.cloud.roles, testRole)
				_, err := w.newCredentials("more")
				return err
			},
			want: failure{400, "MALFORMED_REQUEST", notValid},
		},
		{
			name: "storage: name is taken",
			do:   func(w *world, _ parts) error { _, err := w.newStorage("main", "other"); return err },
			want: failure{409, "RESOURCE_ALREADY_EXISTS", "Storage configuration main already exists"},
		},
		{
			name: "storage: no bucket",
			do:   func(w *world, _ parts) error { _, err := w.newStorage("more", ""); return err },
			want: failure{400, "INVALID_PARAMETER_VALUE", "root_bucket_info.bucket_name is required"},
		},
		{
			name:   "storage: quota",
			config: func(c *Config) { c.Quotas.StorageConfigurations = 1 },
			do:     func(w *world, _ parts) error { _, err := w.newStorage("more", "other"); return err },
			want:   failure{400, "INVALID_STATE", "Storage configuration limit exceeded, only 1 storage configurations are allowed"},
		},
		{
			name: "endpoint: registered before",
			do:   func(w *world, _ parts) error { _, err := w.newEndpoint("more", "vpce-rest"); return err },
			want: failure{409, "RESOURCE_ALREADY_EXISTS", "VPC endpoint vpce-rest already exists"},
		},
		{
			name: "endpoint: name is taken",
			do:   func(w *world, _ parts) error { _, err := w.newEndpoint("rest", "vpce-rest-2"); return err },
			want: failure{409, "RESOURCE_ALREADY_EXISTS", "VPC endpoint rest already exists"},
		},
		{
			name: "endpoint: not in AWS",
			do:   func(w *world, _ parts) error { _, err := w.newEndpoint("more", "vpce-none"); return err },
			want: failure{400, "MALFORMED_REQUEST", "Private link endpoint vpce-none was not found in region ap-northeast-1"},
		},
		{
			name: "endpoint: leads elsewhere",
			do:   func(w *world, _ parts) error { _, err := w.newEndpoint("more", "vpce-s3"); return err },
			want: failure{400, "MALFORMED_REQUEST", "Private link endpoint vpce-s3 leads to com.amazonaws.ap-northeast-1.s3, which is not a service of Databricks in region ap-northeast-1"},
		},
		{
			name: "endpoint: rejected",
			do: func(w *world, _ parts) error {
				editing(w.cloud.endpoints, testRegion+"/vpce-rest-2", func(e *Endpoint) { e.State = "rejected" })
				_, err := w.newEndpoint("more", "vpce-rest-2")
				return err
			},
			want: failure{400, "MALFORMED_REQUEST", "Private link endpoint vpce-rest-2 is in state rejected"},
		},
		{
			name: "endpoint: PrivateLink is not enabled",
			do: func(w *world, _ parts) error {
				w.SetPrivateLink(testRegion, false)
				_, err := w.newEndpoint("more", "vpce-rest-2")
				return err
			},
			want: failure{403, "", "Forbidden"},
		},
		{
			name:   "endpoint: quota",
			config: func(c *Config) { c.Quotas.VPCEndpoints = 2 },
			do:     func(w *world, _ parts) error { _, err := w.newEndpoint("more", "vpce-rest-2"); return err },
			want:   failure{400, "INVALID_STATE", "VPC endpoint limit exceeded, only 2 vpc endpoints are allowed"},
		},
		{
			name: "endpoint: deleted while a network uses it",
			do: func(w *world, p parts) error {
				_, err := w.client.VpcEndpoints.DeleteByVpcEndpointId(w.ctx(), p.rest)
				return err
			},
			want: failure{400, "INVALID_STATE", "Unable to delete, VPC Endpoint is being used by network {network}"},
		},
		{
			name: "private access settings: name is taken",
			do:   func(w *world, _ parts) error { _, err := w.newAccess("main", true); return err },
			want: failure{409, "RESOURCE_ALREADY_EXISTS", "Private access settings main already exists"},
		},
		{
			name: "private access settings: unknown level",
			do: func(w *world, _ parts) error {
				_, err := w.client.PrivateAccess.Create(w.ctx(), provisioning.CreatePrivateAccessSettingsRequest{
					PrivateAccessSettingsName: "more", Region: testRegion, PrivateAccessLevel: "NOBODY",
				})
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", `private_access_level must be ACCOUNT or ENDPOINT, is "NOBODY"`},
		},
		{
			name: "private access settings: the id of AWS",
			do: func(w *world, _ parts) error {
				_, err := w.client.PrivateAccess.Create(w.ctx(), provisioning.CreatePrivateAccessSettingsRequest{
					PrivateAccessSettingsName: "more", Region: testRegion, PrivateAccessLevel: "ENDPOINT",
					AllowedVpcEndpointIds: []string{"vpce-rest"},
				})
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "allowed_vpc_endpoint_ids: VPC endpoint vpce-rest does not exist"},
		},
		{
			name: "private access settings: another region",
			do: func(w *world, p parts) error {
				_, err := w.client.PrivateAccess.Replace(w.ctx(), provisioning.ReplacePrivateAccessSettingsRequest{
					PrivateAccessSettingsId: p.access,
					CustomerFacingPrivateAccessSettings: provisioning.PrivateAccessSettings{
						PrivateAccessSettingsName: "main", Region: "us-east-1",
					},
				})
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "region of private access settings {access} cannot be changed from ap-northeast-1 to us-east-1"},
		},
		{
			name: "network: name is taken",
			do: func(w *world, p parts) error {
				_, err := w.client.Networks.Create(w.ctx(), second(networkRequest("main", p.rest, p.relay)))
				return err
			},
			want: failure{409, "RESOURCE_ALREADY_EXISTS", "Network main already exists"},
		},
		{
			name: "network: subnet is taken",
			do: func(w *world, p parts) error {
				_, err := w.client.Networks.Create(w.ctx(), networkRequest("more", p.rest, p.relay))
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "Subnet subnet-0 is already used by network {network}"},
		},
		{
			name: "network: security group is taken",
			do: func(w *world, p parts) error {
				req := second(networkRequest("more", p.rest, p.relay))
				req.SecurityGroupIds = []string{"sg-1"}
				_, err := w.client.Networks.Create(w.ctx(), req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "Security group sg-1 is already used by network {network}"},
		},
		{
			name: "network: one subnet",
			do: func(w *world, p parts) error {
				req := networkRequest("more", p.rest, p.relay)
				req.SubnetIds = []string{"subnet-2", "subnet-2"}
				_, err := w.client.Networks.Create(w.ctx(), req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "subnet_ids must name at least two subnets"},
		},
		{
			name: "network: six security groups",
			do: func(w *world, p parts) error {
				req := second(networkRequest("more", p.rest, p.relay))
				req.SecurityGroupIds = slices.Repeat(req.SecurityGroupIds, 6)
				_, err := w.client.Networks.Create(w.ctx(), req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "security_group_ids must name one to five security groups"},
		},
		{
			name: "network: endpoints are swapped",
			do: func(w *world, p parts) error {
				_, err := w.client.Networks.Create(w.ctx(), second(networkRequest("more", p.relay, p.rest)))
				return err
			},
			want: failure{400, "MALFORMED_REQUEST", "Private link endpoint {relay} has use case DATAPLANE_RELAY_ACCESS and cannot serve rest_api"},
		},
		{
			name: "network: the id of AWS",
			do: func(w *world, p parts) error {
				_, err := w.client.Networks.Create(w.ctx(), second(networkRequest("more", "vpce-rest", p.relay)))
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "vpc_endpoints.rest_api: VPC endpoint vpce-rest does not exist"},
		},
		{
			name: "network: PrivateLink is not enabled",
			do: func(w *world, p parts) error {
				w.SetPrivateLink("", false)
				_, err := w.client.Networks.Create(w.ctx(), second(networkRequest("more", p.rest, p.relay)))
				return err
			},
			want: failure{403, "", "Forbidden"},
		},
		{
			name: "workspace: no such credentials",
			do: func(w *world, p parts) error {
				req := p.request("lake")
				req.CredentialsId = p.storage
				_, err := w.start(req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "credentials_id: credential configuration {storage} does not exist"},
		},
		{
			name: "workspace: no storage",
			do: func(w *world, p parts) error {
				req := p.request("lake")
				req.StorageConfigurationId = ""
				_, err := w.start(req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "storage_configuration_id is required"},
		},
		{
			name: "workspace: settings are for another region",
			do: func(w *world, p parts) error {
				access := ok(w.client.PrivateAccess.Create(w.ctx(), provisioning.CreatePrivateAccessSettingsRequest{
					PrivateAccessSettingsName: "elsewhere", Region: "us-east-1", PublicAccessEnabled: true,
				}))(w.t)
				p.access = access.PrivateAccessSettingsId
				_, err := w.start(p.request("lake"))
				return err
			},
			made: 1,
			want: failure{400, "INVALID_PARAMETER_VALUE", "private access settings {elsewhere} are for region us-east-1, the workspace is in ap-northeast-1"},
		},
		{
			name: "workspace: network is in another region",
			do: func(w *world, p parts) error {
				req := p.request("lake")
				req.AwsRegion = "us-east-1"
				_, err := w.start(req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "network {network} is in region ap-northeast-1, the workspace is in us-east-1"},
		},
		{
			name: "workspace: public access off without a front end",
			do: func(w *world, p parts) error {
				p.access = ok(w.newAccess("closed", false))(w.t).PrivateAccessSettingsId
				_, err := w.start(p.request("lake"))
				return err
			},
			made: 1,
			want: failure{400, "INVALID_PARAMETER_VALUE", "Cannot create PrivateLink workspace: public_access_enabled is false and there is no front-end VPC endpoint"},
		},
		{
			name: "workspace: no private access settings",
			do: func(w *world, p parts) error {
				p.access = ""
				_, err := w.start(p.request("lake"))
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "Cannot create PrivateLink workspace: private_access_settings_id is required for a network with vpc_endpoints"},
		},
		{
			name: "workspace: tier without PrivateLink",
			do: func(w *world, p parts) error {
				req := p.request("lake")
				req.PricingTier = provisioning.PricingTierPremium
				_, err := w.start(req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "Cannot create PrivateLink workspace: pricing_tier is PREMIUM"},
		},
		{
			name: "workspace: network is taken",
			do: func(w *world, p parts) error {
				ok(w.start(p.request("lake")))(w.t)
				_, err := w.start(p.request("lake"))
				return err
			},
			made: 1,
			want: failure{400, "INVALID_STATE", "Network {network} is being used by active workspace {lake}"},
		},
		{
			name:   "workspace: deployment name without a prefix",
			config: func(c *Config) { c.DeploymentPrefix = "" },
			do: func(w *world, p parts) error {
				req := p.request("lake")
				req.DeploymentName = "lake"
				_, err := w.start(req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", "Deployment name cannot be used until a deployment name prefix is defined"},
		},
		{
			name: "workspace: deployment name is no subdomain",
			do: func(w *world, p parts) error {
				req := p.request("lake")
				req.DeploymentName = "lake house"
				_, err := w.start(req)
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", `Deployment name "acme-lake house" must be a subdomain of at most 64 characters`},
		},
		{
			name: "workspace: serverless",
			do: func(w *world, p parts) error {
				req := p.request("lake")
				req.ComputeMode = provisioning.CustomerFacingComputeModeServerless
				_, err := w.start(req)
				return err
			},
			want: failure{501, "NOT_IMPLEMENTED", "compute_mode SERVERLESS is not emulated"},
		},
		{
			name: "workspace: no such id",
			do:   func(w *world, _ parts) error { _, err := w.client.Workspaces.GetByWorkspaceId(w.ctx(), 7); return err },
			want: failure{404, "RESOURCE_DOES_NOT_EXIST", "Workspace 7 does not exist"},
		},
		{
			name: "key: no ARN",
			do: func(w *world, _ parts) error {
				_, err := w.client.EncryptionKeys.Create(w.ctx(), provisioning.CreateCustomerManagedKeyRequest{
					AwsKeyInfo: &provisioning.CreateAwsKeyInfo{KeyArn: "key/1"}, UseCases: []provisioning.KeyUseCase{"STORAGE"},
				})
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", `aws_key_info.key_arn must be the ARN of a KMS key, is "key/1"`},
		},
		{
			name: "key: unknown use",
			do: func(w *world, _ parts) error {
				_, err := w.client.EncryptionKeys.Create(w.ctx(), provisioning.CreateCustomerManagedKeyRequest{
					AwsKeyInfo: &provisioning.CreateAwsKeyInfo{KeyArn: "arn:aws:kms:us-east-1:1:key/1"}, UseCases: []provisioning.KeyUseCase{"LOCKS"},
				})
				return err
			},
			want: failure{400, "INVALID_PARAMETER_VALUE", `use_cases must be MANAGED_SERVICES or STORAGE, has "LOCKS"`},
		},
		{
			name: "another account",
			do: func(w *world, _ parts) error {
				w.cfg.AccountID = "1a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
				_, err := w.client.Credentials.List(w.ctx())
				return err
			},
			want: failure{404, "RESOURCE_DOES_NOT_EXIST", "The account does not exist or the user does not belong to this account"},
		},
		{
			name: "token has expired",
			do: func(w *world, _ parts) error {
				w.wall = func() time.Time { return time.Now().Add(tokenLife + time.Second) }
				_, err := w.client.Credentials.List(w.ctx())
				return err
			},
			want: failure{401, "UNAUTHENTICATED", "Access token has expired."},
		},
		{
			name: "not emulated",
			do: func(w *world, _ parts) error {
				_, err := w.client.LogDelivery.GetByLogDeliveryConfigurationId(w.ctx(), "1")
				return err
			},
			want: failure{501, "NOT_IMPLEMENTED", "GET /api/2.0/accounts/" + testAccount + "/log-delivery/1 is not emulated"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var changes []func(*Config)
			if tt.config != nil {
				changes = append(changes, tt.config)
			}
			w := newWorld(t, changes...)
			p := w.prepare()
			names := map[string]string{
				p.credentials: "{credentials}", p.storage: "{storage}", p.rest: "{rest}", p.relay: "{relay}",
				p.access: "{access}", p.network: "{network}",
			}
			got := failureOf(t, tt.do(w, p))
			made := 0
			for _, o := range w.Objects() {
				name, prepared := names[o.ID]
				if !prepared {
					made++
					name = "{" + o.Name + "}"
				}
				got.Message = strings.ReplaceAll(got.Message, o.ID, name)
			}
			equal(t, tt.want, got)
			equal(t, tt.made, made)
		})
	}
}

// TestPropagation registers a role as soon as it has been changed.
func TestPropagation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	editing(w.cloud.roles, testRole, func(r *Role) { r.Changed = start })
	_, err := w.newCredentials("main")
	equal(t, failure{400, "MALFORMED_REQUEST", notValid}, failureOf(t, err))
	w.sleep(17 * time.Second)
	ok(w.newCredentials("main"))(t)
}

// TestPremium sees an account that cannot have PrivateLink.
func TestPremium(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.PricingTier = "PREMIUM" })
	_, err := w.newEndpoint("rest", "vpce-rest")
	equal(t, failure{403, "", "Forbidden"}, failureOf(t, err))
	if w.cfg.Quotas.Credentials != 11 {
		t.Errorf("a PREMIUM account can have %d credential configurations", w.cfg.Quotas.Credentials)
	}
}
