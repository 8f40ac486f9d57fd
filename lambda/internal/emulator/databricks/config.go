package databricks

import (
	"maps"

	"lakegate/lambda/internal/emulator/network"
)

// Config is what differs between Databricks accounts.
type Config struct {
	// AccountID is the UUID of the account; it is also the external id of
	// cross-account roles.
	AccountID string
	// Clients are the service principals: OAuth client id to secret. All of
	// them are account admins.
	Clients map[string]string
	// DeploymentPrefix is put before every deployment name. Without one a
	// workspace cannot ask for a deployment name.
	DeploymentPrefix string
	// PricingTier of the account. Default: ENTERPRISE, the only one that has
	// PrivateLink.
	PricingTier string
	// WorkspaceUseCase is what a registration of a workspace endpoint answers
	// as use_case. Default: WORKSPACE_ACCESS; newer accounts answer
	// GENERAL_ACCESS.
	WorkspaceUseCase string
	// PlainTextCredentialErrors makes a failed validation of a cross-account
	// role answer text/plain in place of JSON, as the service does at times.
	PlainTextCredentialErrors bool
	// Services are the endpoint services of Databricks, by region.
	Services map[string]EndpointServices
	// Quotas are the limits of the account.
	Quotas Quotas
	// AWS is the cloud that the account looks into.
	AWS AWS
	// Network is what compute runs in. Without one there is no compute.
	Network *network.Network
	// Machine returns where a caller stands in the network; false means outside
	// of any VPC. Nil means that all callers do.
	Machine func(caller string) (network.Machine, bool)
	// Metastores are the metastores of Unity Catalog, by id, with their region.
	Metastores map[string]string
}

// EndpointServices are the names of the two endpoint services of a region, such
// as com.amazonaws.vpce.ap-northeast-1.vpce-svc-0123456789abcdef0.
type EndpointServices struct {
	// Workspace is the web application and REST API.
	Workspace string
	// Relay is the secure cluster connectivity relay.
	Relay string
}

// Quotas are how many objects of a kind an account can have. Zero means the
// documented limit, a negative number means no limit. No limit is documented
// for networks and workspaces.
// https://docs.databricks.com/aws/en/resources/limits
type Quotas struct {
	Credentials           int
	StorageConfigurations int
	VPCEndpoints          int
	PrivateAccessSettings int
	CustomerManagedKeys   int
}

func (q Quotas) withDefaults(tier string) Quotas {
	set := func(n *int, documented int) {
		if *n == 0 {
			*n = documented
		}
	}
	if tier == tierEnterprise {
		set(&q.Credentials, 55)
	} else {
		set(&q.Credentials, 11)
	}
	set(&q.StorageConfigurations, 50)
	set(&q.VPCEndpoints, 110)
	set(&q.PrivateAccessSettings, 55)
	set(&q.CustomerManagedKeys, 110)
	return q
}

func (c Config) withDefaults() Config {
	if c.AccountID == "" || c.AWS == nil {
		panic("databricks: an account needs an id and a cloud")
	}
	if c.PricingTier == "" {
		c.PricingTier = tierEnterprise
	}
	if c.WorkspaceUseCase == "" {
		c.WorkspaceUseCase = useCaseWorkspace
	}
	c.Clients = maps.Clone(c.Clients)
	c.Quotas = c.Quotas.withDefaults(c.PricingTier)
	return c
}
