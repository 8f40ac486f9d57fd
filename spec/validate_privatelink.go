package spec

const (
	privateLinkPath       = "spec.privateLink"
	workspaceEndpointPath = privateLinkPath + ".workspaceEndpoint"
	relayEndpointPath     = privateLinkPath + ".relayEndpoint"
	frontEndPath          = privateLinkPath + ".frontEnd"
	accessPath            = privateLinkPath + ".privateAccessSettings"
)

func (c checker) checkPrivateLink() {
	l := c.Spec.PrivateLink
	c.checkDatabricksEndpoint(workspaceEndpointPath, l.WorkspaceEndpoint)
	c.checkDatabricksEndpoint(relayEndpointPath, l.RelayEndpoint)

	workspace, relay := l.WorkspaceEndpoint, l.RelayEndpoint
	if relay.Service != "" && relay.Service == workspace.Service {
		c.add(join(relayEndpointPath, "service"), "is the service of the workspace endpoint too: the relay has one of its own")
	}
	if relay.RegistrationName == workspace.RegistrationName {
		c.add(c.registrationPath(relayEndpointPath), "%s is the registration of the workspace endpoint too: choose another registrationName", quote(relay.RegistrationName))
	}

	c.exclusive(accessPath, "id", "name")
	c.exclusive(accessPath, "id", "level")
	c.checkFrontEnd()
	if public := l.PrivateAccessSettings.PublicAccess; public != nil && !*public && l.FrontEnd == nil && c.sound(frontEndPath) {
		c.add(join(accessPath, "publicAccess"), "is false, and nobody could reach the workspace: it has no front-end endpoint; "+
			"users would be locked out, and so would the functions that verify it; give spec.privateLink.frontEnd, or write true and limit who gets in with IP access lists")
	}
	if len(l.DataBuckets) > 0 && l.EndpointPolicies != "restricted" && c.sound(join(privateLinkPath, "endpointPolicies")) {
		c.add(join(privateLinkPath, "dataBuckets"), "is given, but endpointPolicies is not restricted: every bucket of the region can be used; remove dataBuckets, or write endpointPolicies: restricted")
	}
}

func (c checker) checkFrontEnd() {
	f := c.Spec.PrivateLink.FrontEnd
	if f == nil {
		return
	}
	c.exclusive(frontEndPath, "id", "name", "vpc", "subnets", "securityGroups")
	if f.ID == "" && !c.given(join(frontEndPath, "id")) {
		for _, part := range []struct {
			key, want string
			missing   bool
		}{
			{"vpc", "the VPC that users are in", f.VPC == ""},
			{"subnets", "the subnets of that VPC that get the endpoint", len(f.Subnets) == 0},
			{"securityGroups", "groups of that VPC that admit TCP 443 from the users", len(f.SecurityGroups) == 0},
		} {
			if path := join(frontEndPath, part.key); part.missing && c.sound(path) && !c.given(path) {
				c.add(frontEndPath, "has neither id nor %s: want %s, or the id of an existing endpoint", part.key, part.want)
			}
		}
	}
	if f.ID != "" && f.ID == c.Spec.PrivateLink.WorkspaceEndpoint.ID {
		c.add(join(frontEndPath, "id"), "%s is the endpoint of compute too: want one in the users' VPC", f.ID)
	}
	if f.VPC != "" && f.VPC == c.Spec.Network.VPC.ID {
		c.add(join(frontEndPath, "vpc"), "%s is the VPC of compute: users there reach the workspace by workspaceEndpoint; want the VPC that users are in", f.VPC)
	}
	for path, taken := range map[string]string{
		workspaceEndpointPath: c.Spec.PrivateLink.WorkspaceEndpoint.RegistrationName,
		relayEndpointPath:     c.Spec.PrivateLink.RelayEndpoint.RegistrationName,
	} {
		if f.RegistrationName == taken {
			c.add(c.registrationPath(frontEndPath), "%s is the registration of %s too: choose another registrationName", quote(f.RegistrationName), path)
		}
	}
	c.checkRegistration(frontEndPath, f.RegistrationName)
	c.repeated(join(frontEndPath, "subnets"), f.Subnets)
	c.repeated(join(frontEndPath, "securityGroups"), f.SecurityGroups)
}

// repeated notes what a list has twice.
func (c checker) repeated(path string, list []string) {
	seen := map[string]bool{}
	for i, text := range list {
		if seen[text] {
			c.add(item(path, i), "%s is in the list already: remove one", quote(text))
		}
		seen[text] = true
	}
}

func (c checker) checkDatabricksEndpoint(path string, e DatabricksEndpoint) {
	c.exclusive(path, "id", "name", "service")
	service := join(path, "service")
	if e.Service != "" && c.sound(service) && c.sound("spec.region") && !sameRegion(e.Service, c.Spec.Region) {
		c.add(service, "%s is not in spec.region, %s: want com.amazonaws.vpce.%s.vpce-svc-…", quote(e.Service), c.Spec.Region, c.Spec.Region)
	}
	c.checkRegistration(path, e.RegistrationName)
}

// checkRegistration notes a name of an endpoint that is too short for its
// registration too.
func (c checker) checkRegistration(path, registration string) {
	name := join(path, "name")
	if c.given(name) && c.sound(name) && !c.given(join(path, "registrationName")) {
		if reason := refusal("databricksName", registration); reason != "" {
			c.add(name, "is the registrationName too: %s, or give a registrationName", reason)
		}
	}
}

// registrationPath returns where the author has named an endpoint's
// registration: in registrationName, or through the endpoint's name.
func (c checker) registrationPath(path string) string {
	if name := join(path, "name"); !c.given(join(path, "registrationName")) && c.given(name) {
		return name
	}
	return join(path, "registrationName")
}
