// Command schemagen writes the JSON Schema of a workspace spec from the types
// and their doc comments, or prints it (-print). Run it by go generate, or in
// the folder of package spec.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/invopop/jsonschema"

	"lakegate/spec"
)

func main() {
	text, err := generate(".")
	if err == nil && len(os.Args) > 1 && os.Args[1] == "-print" {
		_, err = os.Stdout.Write(text)
	} else if err == nil {
		err = os.WriteFile("workspace.schema.json", text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

// generate reflects the types; folder holds their source.
func generate(folder string) ([]byte, error) {
	r := &jsonschema.Reflector{DoNotReference: true, Anonymous: true, ExpandedStruct: true}
	if err := r.AddGoComments("lakegate/spec", folder); err != nil {
		return nil, fmt.Errorf("reading doc comments: %w", err)
	}
	s := r.Reflect(&spec.Workspace{})
	s.Title = "Lakegate workspace spec"
	tidy(s, "")
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// patterns by the path of a field, as Load checks them.
var patterns = map[string]string{
	"metadata.name":                                     `^[a-z]([a-z0-9]|-[a-z0-9]){1,31}$`,
	"spec.aws.accountId":                                `^[0-9]{12}$`,
	"spec.databricks.accountId":                         `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`,
	"spec.network.vpc.id":                               id("vpc"),
	"spec.network.workspaceSubnets.id":                  id("subnet"),
	"spec.network.endpointSubnet.id":                    id("subnet"),
	"spec.network.endpointRouteTable.id":                id("rtb"),
	"spec.network.securityGroups.workspace.id":          id("sg"),
	"spec.network.securityGroups.endpoint.id":           id("sg"),
	"spec.network.endpoints.s3.id":                      id("vpce"),
	"spec.network.endpoints.sts.id":                     id("vpce"),
	"spec.network.endpoints.kinesis.id":                 id("vpce"),
	"spec.privateLink.workspaceEndpoint.id":             id("vpce"),
	"spec.privateLink.relayEndpoint.id":                 id("vpce"),
	"spec.network.securityGroups.workspace.rules.ports": ports,
	"spec.network.securityGroups.endpoint.rules.ports":  ports,
}

const ports = `^(all|[0-9]{1,5}(-[0-9]{1,5})?)$`

func id(prefix string) string { return `^` + prefix + `-([0-9a-f]{8}|[0-9a-f]{17})$` }

// tidy joins the lines of comments and adds what comments cannot say.
func tidy(s *jsonschema.Schema, path string) {
	s.Description = strings.Join(strings.Fields(s.Description), " ")
	if p, ok := patterns[path]; ok {
		s.Pattern = p
	}
	switch {
	case path == "apiVersion":
		s.Const = spec.APIVersion
	case path == "kind":
		s.Const = spec.Kind
	case path == "spec.region":
		for _, name := range spec.RegionNames() {
			s.Enum = append(s.Enum, name)
		}
	case strings.HasSuffix(path, ".rules.direction"):
		s.Enum = []any{spec.Ingress, spec.Egress}
	case strings.HasSuffix(path, ".rules.protocol"):
		s.Enum = []any{"tcp", "udp"}
	}
	if s.Items != nil {
		tidy(s.Items, path)
	}
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		below := p.Key
		if path != "" {
			below = path + "." + p.Key
		}
		tidy(p.Value, below)
	}
}
