// Package document is what flows through an execution: the input that started
// it, the spec, and one entry for each step that has run.
//
// Each step adds exactly one top-level key, so that parallel branches never
// collide and their documents can be merged. The document holds ids, names and
// outcomes, never a secret, and stays far below the 256 KiB that Step
// Functions allows.
package document

import (
	"encoding/json"
	"fmt"
	"time"

	"lakegate/lambda/internal/revision"
	"lakegate/spec"
)

// Version is the version of the document that this binary writes and reads.
const Version = "lakegate.dev/v1"

// Document is the state of one execution.
type Document struct {
	// APIVersion is Version.
	APIVersion string `json:"apiVersion"`
	// Workspace is metadata.name of the spec.
	Workspace string `json:"workspace"`
	// Revision of the spec that is being applied.
	Revision revision.Revision `json:"revision"`
	// Mode is Apply or Verify.
	Mode string `json:"mode"`
	// Execution that the document belongs to.
	Execution Execution `json:"execution"`
	// Spec with its defaults.
	Spec spec.Spec `json:"spec"`
	// Digest of the spec with its defaults: it tells whether an author changed
	// anything.
	Digest string `json:"digest"`
	// Adopt lets what has the wanted names and belongs to nobody be taken over.
	Adopt bool `json:"adopt,omitempty"`
	// Protected says that the workspace stays when its spec is deleted.
	Protected bool `json:"protected,omitempty"`

	Lease *Lease `json:"lease,omitempty"`
	Plan  *Plan  `json:"plan,omitempty"`
	Slot  *Slot  `json:"slot,omitempty"`

	VPC               *VPC            `json:"vpc,omitempty"`
	Subnets           *Subnets        `json:"subnets,omitempty"`
	SecurityGroups    *SecurityGroups `json:"securityGroups,omitempty"`
	RouteTables       *RouteTables    `json:"routeTables,omitempty"`
	NetworkACLs       *NetworkACLs    `json:"networkAcls,omitempty"`
	WorkspaceEndpoint *Endpoint       `json:"workspaceEndpoint,omitempty"`
	RelayEndpoint     *Endpoint       `json:"relayEndpoint,omitempty"`
	S3Endpoint        *Endpoint       `json:"s3Endpoint,omitempty"`
	STSEndpoint       *Endpoint       `json:"stsEndpoint,omitempty"`
	KinesisEndpoint   *Endpoint       `json:"kinesisEndpoint,omitempty"`
	GlueEndpoint      *Endpoint       `json:"glueEndpoint,omitempty"`
	FrontEndEndpoint  *Endpoint       `json:"frontEndEndpoint,omitempty"`

	WorkspaceRegistration *Registration `json:"workspaceRegistration,omitempty"`
	RelayRegistration     *Registration `json:"relayRegistration,omitempty"`
	FrontEndRegistration  *Registration `json:"frontEndRegistration,omitempty"`
	Endpoints             *Endpoints    `json:"endpoints,omitempty"`

	GlueInstanceProfile   *InstanceProfile `json:"glueInstanceProfile,omitempty"`
	CrossAccountRole      *Object          `json:"crossAccountRole,omitempty"`
	Credentials           *Credentials     `json:"credentials,omitempty"`
	CustomerManagedKeys   *Keys            `json:"customerManagedKeys,omitempty"`
	KeyRegistrations      *Keys            `json:"keyRegistrations,omitempty"`
	RootBucket            *Object          `json:"rootBucket,omitempty"`
	Storage               *Object          `json:"storage,omitempty"`
	PrivateAccessSettings *Object          `json:"privateAccessSettings,omitempty"`
	Network               *Network         `json:"network,omitempty"`
	RunningCompute        *RunningCompute  `json:"runningCompute,omitempty"`

	DatabricksWorkspace *Workspace       `json:"databricksWorkspace,omitempty"`
	FrontEndDNS         *FrontEndDNS     `json:"frontEndDns,omitempty"`
	WorkspaceStatus     *WorkspaceStatus `json:"workspaceStatus,omitempty"`
	PrivateDNS          *PrivateDNS      `json:"privateDns,omitempty"`
	PrivateDNSStatus    *Endpoints       `json:"privateDnsStatus,omitempty"`
	MovedEndpoints      *Endpoints       `json:"movedEndpoints,omitempty"`

	WorkspaceCheck              *Checks         `json:"workspaceCheck,omitempty"`
	InstanceProfileRegistration *Object         `json:"instanceProfileRegistration,omitempty"`
	MetastoreAssignment         *Object         `json:"metastoreAssignment,omitempty"`
	NetworkCheck                *Checks         `json:"networkCheck,omitempty"`
	FrontEndCheck               *Checks         `json:"frontEndCheck,omitempty"`
	ClusterCheck                *ClusterCheck   `json:"clusterCheck,omitempty"`
	PrivateDNSCheck             *Probe          `json:"privateDnsCheck,omitempty"`
	PortsCheck                  *Probe          `json:"portsCheck,omitempty"`
	MetastoreCheck              *Probe          `json:"metastoreCheck,omitempty"`
	IsolationCheck              *Probe          `json:"isolationCheck,omitempty"`
	SQLWarehouses               *Object         `json:"sqlWarehouses,omitempty"`
	SQLWarehouseCheck           *WarehouseCheck `json:"sqlWarehouseCheck,omitempty"`
	Compute                     *Compute        `json:"compute,omitempty"`
	Verification                *Verification   `json:"verification,omitempty"`
	FormerNetwork               *RemovalWait    `json:"formerNetwork,omitempty"`

	Report *Report `json:"report,omitempty"`

	// Retirement is there while a workspace is taken down; what follows is of its
	// steps.
	Retirement *Retirement `json:"retirement,omitempty"`

	LoadedWorkspace              *Workspaces    `json:"loadedWorkspace,omitempty"`
	StoppedCompute               *Removal       `json:"stoppedCompute,omitempty"`
	DeletedWorkspace             *Removal       `json:"deletedWorkspace,omitempty"`
	WorkspaceGone                *RemovalWait   `json:"workspaceGone,omitempty"`
	DeregisteredNetwork          *Removal       `json:"deregisteredNetwork,omitempty"`
	DeletedPrivateAccessSettings *Removal       `json:"deletedPrivateAccessSettings,omitempty"`
	DeregisteredEndpoints        *Removal       `json:"deregisteredEndpoints,omitempty"`
	DeregisteredStorage          *Removal       `json:"deregisteredStorage,omitempty"`
	DeregisteredCredentials      *Removal       `json:"deregisteredCredentials,omitempty"`
	DeregisteredKeys             *Removal       `json:"deregisteredKeys,omitempty"`
	DeletedFrontEndDNS           *Removal       `json:"deletedFrontEndDns,omitempty"`
	DeletedEndpoints             *Removal       `json:"deletedEndpoints,omitempty"`
	EndpointsGone                *RemovalWait   `json:"endpointsGone,omitempty"`
	DeletedLeftovers             *RemovalWait   `json:"deletedLeftovers,omitempty"`
	DeletedSecurityGroups        *Removal       `json:"deletedSecurityGroups,omitempty"`
	DeletedSubnets               *Removal       `json:"deletedSubnets,omitempty"`
	DeletedRouteTables           *Removal       `json:"deletedRouteTables,omitempty"`
	DeletedVPC                   *Removal       `json:"deletedVpc,omitempty"`
	DeletedCrossAccountRole      *Removal       `json:"deletedCrossAccountRole,omitempty"`
	DeletedGlueInstanceProfile   *Removal       `json:"deletedGlueInstanceProfile,omitempty"`
	DeletedRootBucket            *RemovalWait   `json:"deletedRootBucket,omitempty"`
	DeletedKeys                  *Removal       `json:"deletedKeys,omitempty"`
	ReleasedGiven                *Removal       `json:"releasedGiven,omitempty"`
	RetirementAudit              *Audit         `json:"retirementAudit,omitempty"`
	Retired                      *RetiredReport `json:"retired,omitempty"`
}

// Input is what an execution is started with.
type Input struct {
	Workspace string            `json:"workspace"`
	Revision  revision.Revision `json:"revision"`
	// Mode is Apply or Verify; empty means Apply.
	Mode string `json:"mode,omitempty"`
}

// What an execution is for.
const (
	// Apply makes the world as the spec wants it.
	Apply = "Apply"
	// Verify says how the world differs from the spec, and mends it only if the
	// spec says so.
	Verify = "Verify"
)

// Execution is one run of the state machine.
type Execution struct {
	ARN       string    `json:"arn"`
	Name      string    `json:"name"`
	StartTime time.Time `json:"startTime,omitzero"`
}

// Outcome says what a step did. It is embedded in every result.
type Outcome struct {
	// Outcome is Created, Updated, Found, Given, Verified, Planned, Drifted, Ready,
	// Waiting, Skipped, Deleted, Absent or Kept.
	Outcome string `json:"outcome"`
	// Reason says more, for people.
	Reason string `json:"reason,omitempty"`
	// Differences between spec and world that were found, and mended.
	Differences Differences `json:"differences,omitempty"`
}

// Differences are those of one object or step. As JSON they are cut to maxShown
// bytes and count what is left out: every branch of a parallel state carries the
// whole document, and plans and drifts are kept in full elsewhere.
type Differences []Difference

const maxShown = 512

// MarshalJSON cuts what is too long.
func (d Differences) MarshalJSON() ([]byte, error) {
	shown, size := []Difference{}, 0
	for i, one := range d {
		text, err := json.Marshal(one)
		if err != nil {
			return nil, fmt.Errorf("encoding difference of %s: %w", one.Object, err)
		}
		if size += len(text); size > maxShown && i > 0 {
			shown = append(shown, Difference{Object: fmt.Sprintf("%d more", len(d)-i)})
			break
		}
		shown = append(shown, one)
	}
	return json.Marshal(shown)
}

// Difference is one way in which an object is not as the spec wants it.
type Difference struct {
	// Object says what it is, with its id.
	Object string `json:"object"`
	// ID by which the service knows it.
	ID string `json:"id"`
	// Field such as tags, rules or policy.
	Field string `json:"field"`
	// Found and Wanted are both values, short and for people; empty where there is
	// none.
	Found  string `json:"found,omitempty"`
	Wanted string `json:"wanted,omitempty"`
}

// What a step can have done.
const (
	// Created is something that did not exist before.
	Created = "Created"
	// Updated is something of ours that differed and was changed.
	Updated = "Updated"
	// Found is something of ours that is as it should be.
	Found = "Found"
	// Given is something of the author's that is used as it is.
	Given = "Given"
	// Verified is something that was looked at and is as it should be.
	Verified = "Verified"
	// Planned is something that will be changed by the steps that follow.
	Planned = "Planned"
	// Drifted is something that is not as the spec wants it any more.
	Drifted = "Drifted"
	// Ready is something that was waited for and has come.
	Ready = "Ready"
	// Waiting is something that has to be looked at again.
	Waiting = "Waiting"
	// Skipped is something that the spec does not ask for, or that still holds.
	Skipped = "Skipped"
	// Deleted is something of ours that was taken down.
	Deleted = "Deleted"
	// Absent is something of ours that would have been taken down, but is not there.
	Absent = "Absent"
	// Kept is something of ours that must not be taken down yet.
	Kept = "Kept"
)

// Changed says whether a step changed the world.
func (o Outcome) Changed() bool {
	return o.Outcome == Created || o.Outcome == Updated || o.Outcome == Deleted
}

// PlannedChange is what a step would do.
type PlannedChange struct {
	Step string `json:"step"`
	// Action is Create, Replace, Update, Keep, Forbidden or Unwanted.
	Action string `json:"action"`
	// Object is the id or name of what it is about.
	Object string `json:"object,omitempty"`
	// Reason says more, for people.
	Reason string `json:"reason,omitempty"`
	// Differences are those that it would mend, or that forbid it.
	Differences Differences `json:"differences,omitempty"`
	// Calls are those that would be made, as service:Operation.
	Calls []string `json:"calls,omitempty"`
}

// Plan is what was found by comparing the spec with what exists. The outcome's
// differences are those of a world that was as the spec wanted it.
type Plan struct {
	Outcome
	// Leave says that the world is left as it is, and that the execution ends here.
	Leave bool `json:"leave"`
	// Changes are those that will be made; what is kept or not wanted is left out.
	Changes []PlannedChange `json:"changes,omitempty"`
}

// The actions of a plan.
const (
	// Create is something that does not exist.
	Create = "Create"
	// Replace is something of ours that differs and cannot be changed: another one
	// will be created, and takes its place.
	Replace = "Replace"
	// Update is something of ours that differs and will be changed in place.
	Update = "Update"
	// Keep is something that is as it should be, or the author's.
	Keep = "Keep"
	// Forbidden is something that differs and will not be changed; what follows
	// is not known.
	Forbidden = "Forbidden"
	// Unwanted is something that the spec does not ask for.
	Unwanted = "Unwanted"
)

// Wait is the part of a result that keeps a loop going. The state machine
// reads ready and pauseSeconds.
type Wait struct {
	Ready bool `json:"ready"`
	// PauseSeconds until the next look; 0 when ready.
	PauseSeconds int `json:"pauseSeconds"`
	// Since when it has been waited, and when it was last looked at.
	Since  time.Time `json:"since"`
	Looked time.Time `json:"looked"`
}

// Began returns since when it has been waited.
func (w Wait) Began() time.Time { return w.Since }

// Lease is the right of one execution to change one workspace.
type Lease struct {
	Outcome
	Wait
	// Generation counts the executions that have held the lease. It fences: an
	// execution whose generation is not the newest changes nothing any more.
	Generation int `json:"generation"`
	// Leave says that there is nothing to do, and that the execution ends here.
	Leave bool `json:"leave"`
	// Holder is the ARN of the execution that is waited for.
	Holder string `json:"holder,omitempty"`
	// Verified is the last verification of the workspace, if nothing has been
	// attempted since then that did not come to its end.
	Verified *Proof `json:"verified,omitempty"`
	// Interrupted says that an earlier execution did not come to its end: it may
	// have left something that this one knows nothing of.
	Interrupted bool `json:"interrupted,omitempty"`
	// Recovers says that the last execution failed, or that the world was found to
	// differ from the spec.
	Recovers bool `json:"recovers,omitempty"`
	// TagKeys are the keys of the author's tags that may have been written: what
	// the spec has, or had since the workspace was last Ready.
	TagKeys []string `json:"tagKeys,omitempty"`
}

// Slot is the right of an execution to ask the services for more than a look.
type Slot struct {
	Outcome
	Wait
	// Held says that it has a slot, which it gives back in the end.
	Held bool `json:"held"`
	// Turn is when it may take a slot at the earliest; zero means that none has
	// been booked.
	Turn time.Time `json:"turn,omitzero"`
}

// Proof is a verification that passed.
type Proof struct {
	// SpecDigest of the spec that was verified.
	SpecDigest string `json:"specDigest"`
	// Report is the key of the report in the state bucket, Digest the SHA-256 of
	// its JSON.
	Report string    `json:"report"`
	Digest string    `json:"digest"`
	Time   time.Time `json:"time"`
}

// Object is something with an id.
type Object struct {
	Outcome
	// ID is the id by which the service knows it; empty if there is no such object.
	ID string `json:"id,omitempty"`
	// Name that people gave it.
	Name string `json:"name,omitempty"`
	// ARN where AWS has one.
	ARN string `json:"arn,omitempty"`
}

// VPC is the customer-managed VPC.
type VPC struct {
	Object
	CIDR string `json:"cidr"`
	// CIDRs are all IPv4 blocks of the VPC.
	CIDRs []string `json:"cidrs,omitempty"`
	// Former are the ids of other VPCs of this workspace.
	Former []string `json:"former,omitempty"`
}

// Subnet is one subnet.
type Subnet struct {
	Object
	CIDR             string `json:"cidr"`
	AvailabilityZone string `json:"availabilityZone"`
}

// Subnets are those of compute and that of the endpoints.
type Subnets struct {
	Outcome
	Workspace []Subnet `json:"workspace"`
	Endpoint  Subnet   `json:"endpoint"`
	// Former are the ids of other subnets in the VPC that this workspace has made
	// or been given.
	Former []string `json:"former,omitempty"`
}

// WorkspaceIDs are the ids of the workspace subnets.
func (s *Subnets) WorkspaceIDs() []string {
	ids := make([]string, 0, len(s.Workspace))
	for _, subnet := range s.Workspace {
		ids = append(ids, subnet.ID)
	}
	return ids
}

// All returns the workspace subnets and the endpoint subnet.
func (s *Subnets) All() []Subnet {
	return append(append([]Subnet(nil), s.Workspace...), s.Endpoint)
}

// SecurityGroups are those of compute and of the endpoints.
type SecurityGroups struct {
	Outcome
	Workspace Object `json:"workspace"`
	Endpoint  Object `json:"endpoint"`
	// Former are the ids of other groups in the VPC that this workspace has made
	// or been given.
	Former []string `json:"former,omitempty"`
}

// RouteTables are the tables of the workspace subnets and of the endpoint
// subnet.
type RouteTables struct {
	Outcome
	// Workspace are the ids of the tables that the workspace subnets use: the
	// VPC's main table, unless a subnet of the author's has another.
	Workspace []string `json:"workspace"`
	Endpoint  Object   `json:"endpoint"`
}

// NetworkACLs are the ACLs of the subnets.
type NetworkACLs struct {
	Outcome
	IDs []string `json:"ids"`
}

// Endpoint is one VPC endpoint.
type Endpoint struct {
	Object
	// VPC that it is in.
	VPC string `json:"vpc,omitempty"`
	// Service is the name of the endpoint service.
	Service string `json:"service,omitempty"`
	// State when it was seen last.
	State string `json:"state,omitempty"`
	// Moving says that it is in subnets which it will leave once nothing runs any
	// more that needs it there.
	Moving bool `json:"moving,omitempty"`
}

// Registration is a VPC endpoint in the Databricks account.
type Registration struct {
	Object
	UseCase string `json:"useCase,omitempty"`
	State   string `json:"state,omitempty"`
}

// Endpoints is what was seen when endpoints were waited for.
type Endpoints struct {
	Outcome
	Wait
	// States by endpoint id.
	States map[string]string `json:"states,omitempty"`
}

// PrivateDNS says for which endpoints private DNS was turned on.
type PrivateDNS struct {
	Outcome
	Endpoints []string `json:"endpoints"`
}

// FrontEndDNS leads the hosts of the workspace to the users' endpoint.
type FrontEndDNS struct {
	Outcome
	// Zones by which it is done, one for each host, or the author's.
	Zones []Object `json:"zones,omitempty"`
	// Hosts of the workspace.
	Hosts []string `json:"hosts,omitempty"`
	// Addresses of the endpoint.
	Addresses []string `json:"addresses,omitempty"`
}

// Network is the network configuration of the workspace.
type Network struct {
	Object
	// Former are the ids of configurations that it takes the place of.
	Former []string `json:"former,omitempty"`
	// Mover is the workspace that exists and is in another network yet, or whose
	// way to the control plane is to move.
	Mover *Workspace `json:"mover,omitempty"`
}

// RunningCompute is what ran in a network that the workspace is to leave.
type RunningCompute struct {
	Outcome
	Wait
	// Stopped lists what was stopped.
	Stopped []string `json:"stopped,omitempty"`
	// Emptied are the pools whose idle instances were let go, as they were before.
	Emptied []Pool `json:"emptied,omitempty"`
}

// Pool is what an instance pool keeps ready.
type Pool struct {
	ID string `json:"id"`
	// MinIdle is how many idle instances it keeps, IdleMinutes after how many
	// minutes further ones go.
	MinIdle     int `json:"minIdle"`
	IdleMinutes int `json:"idleMinutes"`
}

// Workspace is the Databricks workspace.
type Workspace struct {
	Object
	DeploymentName string `json:"deploymentName"`
	URL            string `json:"url"`
	Status         string `json:"status"`
}

// WorkspaceStatus is what was seen when the workspace was waited for.
type WorkspaceStatus struct {
	Outcome
	Wait
	Status        string `json:"status"`
	NetworkStatus string `json:"networkStatus"`
}

// InstanceProfile is an instance profile and its role.
type InstanceProfile struct {
	Object
	// RoleARN is the role that compute gets.
	RoleARN string `json:"roleArn,omitempty"`
}

// Credentials is the credential configuration of the workspace.
type Credentials struct {
	Object
	// Former are the ids of those for other roles that it takes the place of.
	Former []string `json:"former,omitempty"`
}

// Keys are the keys of the customer, or their registrations; one that the spec
// does not want has no id.
type Keys struct {
	Outcome
	ManagedServices Object `json:"managedServices,omitzero"`
	Storage         Object `json:"storage,omitzero"`
}

// Check is one thing that was looked at, as the verification report has it.
type Check struct {
	// ID such as ports.relay.6666 is the same in every report.
	ID string `json:"id"`
	// What is claimed, in one sentence.
	What string `json:"what"`
	// Object that it is about: an id, a host.
	Object string `json:"object"`
	// How it was looked at.
	How string `json:"how"`
	// Result is Passed, Failed, Noted or Skipped.
	Result string `json:"result"`
	// Seen is what came back.
	Seen string `json:"seen,omitempty"`
	// Remedy says what to do about a check that failed, or what follows from one
	// that is noted.
	Remedy string    `json:"remedy,omitempty"`
	Time   time.Time `json:"time"`
}

// The results of a check.
const (
	Passed = "Passed"
	Failed = "Failed"
	// Noted is something that people should know and that fails nothing: a
	// channel that remains by design, a feature that will not work.
	Noted = "Noted"
)

// Checks is what a step has looked at.
type Checks struct {
	Outcome
	Checks []Check `json:"checks,omitempty"`
}

// ClusterCheck is the cluster from which probes are made.
type ClusterCheck struct {
	Checks
	Wait
	// ID and State of the cluster.
	ID    string `json:"id,omitempty"`
	State string `json:"state,omitempty"`
	// Contexts are the execution contexts on it, by the step that they are for:
	// a context runs one command at a time.
	Contexts map[string]string `json:"contexts,omitempty"`
	// Begun is when the first attempt to start it was made, Attempts how many
	// there were.
	Begun    time.Time `json:"begun,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
}

// Probe is a command on the cluster and what it showed.
type Probe struct {
	Checks
	Wait
	ContextID string `json:"contextId,omitempty"`
	CommandID string `json:"commandId,omitempty"`
}

// WarehouseCheck is a SQL warehouse and a statement on it.
type WarehouseCheck struct {
	Checks
	Wait
	ID          string `json:"id,omitempty"`
	State       string `json:"state,omitempty"`
	StatementID string `json:"statementId,omitempty"`
	// Begun is when the first attempt to start it was made, Attempts how many
	// there were.
	Begun    time.Time `json:"begun,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
}

// Compute is what was stopped.
type Compute struct {
	Outcome
	Stopped []string `json:"stopped,omitempty"`
}

// Verification is the report of what was checked.
type Verification struct {
	Outcome
	Proof
	// Passed and Noted count the checks.
	Passed int `json:"passed"`
	Noted  int `json:"noted"`
}

// Report is what was told at the end.
type Report struct {
	Outcome
	URL string `json:"url"`
	// Changed lists the steps that changed the world; empty after a run that
	// found everything as it should be.
	Changed []string `json:"changed"`
	// Objects are the ids of all that exists, by result key.
	Objects map[string][]string `json:"objects,omitempty"`
	// Verification is the key of the verification report in the state bucket.
	Verification string `json:"verification,omitempty"`
	// DurationSeconds from the start of the execution.
	DurationSeconds int `json:"durationSeconds"`
}

// Decode reads a document and refuses one of another version.
func Decode(data []byte) (*Document, error) {
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("decoding document: %w", err)
	}
	if d.APIVersion != Version {
		return nil, fmt.Errorf("decoding document: version is %q, this function reads %q", d.APIVersion, Version)
	}
	return &d, nil
}

// Did returns the outcome; every result has it by embedding Outcome.
func (o Outcome) Did() Outcome { return o }

// Did is the outcome of loading a spec, or what is left of one, which makes the
// document.
func (d *Document) Did() Outcome {
	if d.Retirement != nil {
		return Outcome{Outcome: Verified, Reason: d.Retirement.Reason}
	}
	return Outcome{Outcome: Verified, Reason: "spec " + d.Digest[:12]}
}
