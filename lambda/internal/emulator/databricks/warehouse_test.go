package databricks

import (
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/service/compute"
	"github.com/databricks/databricks-sdk-go/service/sql"
)

// TestWarehouse takes a SQL warehouse from its creation to its deletion.
func TestWarehouse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id := ok(l.api.Warehouses.Create(t.Context(), smallest("small")))(t).Response.Id
	w := l.warehouseIs(id, sql.StateStarting)
	equal(t, []any{"small", "2X-Small", 10, sql.GetWarehouseResponseWarehouseTypePro, false, testClient},
		[]any{w.Name, w.ClusterSize, w.AutoStopMins, w.WarehouseType, w.EnableServerlessCompute, w.CreatorName})
	_, err := l.api.Warehouses.Create(t.Context(), smallest("small"))
	equal(t, failure{409, "RESOURCE_ALREADY_EXISTS", "SQL warehouse small already exists"}, failureOf(t, err))

	l.sleep(l.warehouseStart("small", 1) - time.Second)
	l.warehouseIs(id, sql.StateStarting)
	// To start what starts is no error, and changes nothing.
	ok(l.api.Warehouses.Start(t.Context(), sql.StartRequest{Id: id}))(t)
	l.sleep(time.Second)
	w = l.warehouseIs(id, sql.StateRunning)
	equal(t, sql.StatusHealthy, w.Health.Status)

	for range 2 {
		ok(l.api.Warehouses.Stop(t.Context(), sql.StopRequest{Id: id}))(t)
		l.warehouseIs(id, sql.StateStopped)
	}
	ok(l.api.Warehouses.Start(t.Context(), sql.StartRequest{Id: id}))(t)
	l.warehouseIs(id, sql.StateStarting)
	// One that is stopped while it starts does not run later.
	ok(l.api.Warehouses.Stop(t.Context(), sql.StopRequest{Id: id}))(t)
	l.sleep(l.warehouseStart("small", 2))
	l.warehouseIs(id, sql.StateStopped)

	all := ok(l.api.Warehouses.ListAll(t.Context(), sql.ListWarehousesRequest{}))(t)
	if len(all) != 1 || all[0].Id != id || all[0].State != sql.StateStopped {
		t.Errorf("the warehouses are %+v", all)
	}
	l.done(l.api.Warehouses.DeleteById(t.Context(), id))
	missing := failure{404, "RESOURCE_DOES_NOT_EXIST", "SQL warehouse " + id + " does not exist"}
	_, err = l.api.Warehouses.GetById(t.Context(), id)
	equal(t, missing, failureOf(t, err))
	_, err = l.api.Warehouses.Start(t.Context(), sql.StartRequest{Id: id})
	equal(t, missing, failureOf(t, err))
	_, err = l.api.Warehouses.Stop(t.Context(), sql.StopRequest{Id: id})
	equal(t, missing, failureOf(t, err))
	equal(t, missing, failureOf(t, l.api.Warehouses.DeleteById(t.Context(), id)))
	_, err = l.statement(id, "SHOW DATABASES")
	equal(t, missing, failureOf(t, err))
	// Its name is free again, its id is not.
	if again := ok(l.api.Warehouses.Create(t.Context(), smallest("small")))(t).Response.Id; again == id {
		t.Errorf("%s is the id of a second warehouse", again)
	}
}

func TestWarehouseRefusals(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, test := range map[string]struct {
		change func(*sql.CreateWarehouseRequest)
		want   failure
	}{
		"no name": {
			func(r *sql.CreateWarehouseRequest) { r.Name = "" }, failure{400, "INVALID_PARAMETER_VALUE", "name must have 1 to 100 characters"},
		},
		"a long name": {
			func(r *sql.CreateWarehouseRequest) { r.Name = strings.Repeat("a", 101) }, failure{400, "INVALID_PARAMETER_VALUE", "name must have 1 to 100 characters"},
		},
		"a size that is not known": {
			func(r *sql.CreateWarehouseRequest) { r.ClusterSize = "Tiny" }, failure{400, "INVALID_PARAMETER_VALUE", `cluster_size "Tiny" is not known`},
		},
		"serverless": {
			func(r *sql.CreateWarehouseRequest) { r.EnableServerlessCompute = true }, failure{501, "NOT_IMPLEMENTED", "a serverless warehouse is not emulated"},
		},
		"no type": {
			func(r *sql.CreateWarehouseRequest) { r.WarehouseType = "" }, failure{400, "INVALID_PARAMETER_VALUE", `warehouse_type "" is not known`},
		},
		"a stop too soon": {
			func(r *sql.CreateWarehouseRequest) { r.AutoStopMins = 9 }, failure{400, "INVALID_PARAMETER_VALUE", "auto_stop_mins must be 0 or at least 10"},
		},
	} {
		in := smallest("small")
		test.change(&in)
		_, err := l.api.Warehouses.Create(t.Context(), in)
		if got := failureOf(t, err); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
	if all := ok(l.api.Warehouses.ListAll(t.Context(), sql.ListWarehousesRequest{}))(t); len(all) != 0 {
		t.Errorf("there are %d warehouses", len(all))
	}
}

// A SQL warehouse stops when nothing has run on it for as long as it says,
// counted from the end of the last statement.
func TestAutoStop(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	forever := smallest("forever")
	forever.AutoStopMins = 0
	other, id := l.warehouse(forever), l.warehouse(smallest("used"))
	began := l.clock.Now()
	l.sleep(9 * time.Minute)
	x := ok(l.statement(id, "SHOW SCHEMAS"))(t)
	ended := l.clock.Now()
	for ok(l.api.StatementExecution.GetStatementByStatementId(t.Context(), x.StatementId))(t).Status.State == sql.StatementStateRunning {
		l.sleep(100 * time.Millisecond)
		ended = l.clock.Now()
	}
	l.sleep(ended.Add(10*time.Minute - time.Second).Sub(l.clock.Now()))
	l.warehouseIs(id, sql.StateRunning)
	l.sleep(time.Hour)
	l.warehouseIs(id, sql.StateStopped)
	l.warehouseIs(other, sql.StateRunning)
	_, err := l.statement(id, "SHOW DATABASES")
	equal(t, failure{501, "NOT_IMPLEMENTED", "a statement on a warehouse that does not run is not emulated"}, failureOf(t, err))
	// It is paid for until it stopped, not until somebody looked.
	l.done(l.api.Warehouses.DeleteById(t.Context(), other))
	if _, ran := l.Ran(); ran > ended.Add(10*time.Minute).Sub(began)+l.warehouseStart("used", 1) || ran < 19*time.Minute {
		t.Errorf("it ran for %s", ran)
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id := l.warehouse(smallest("small"))
	for text, known := range map[string]bool{
		"SHOW DATABASES": true, " show  schemas ; ": true, "SHOW TABLES": false, "SELECT 1": false, "SHOW DATABASES; DROP TABLE a": false, "": false,
	} {
		x, err := l.statement(id, text)
		switch {
		case known && (err != nil || x.StatementId == "" || x.Status.State != sql.StatementStateRunning):
			t.Errorf("%q: %+v, %v", text, x, err)
		case !known && failureOf(t, err) != failure{501, "NOT_IMPLEMENTED", "a statement other than SHOW DATABASES is not emulated"}:
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := l.api.StatementExecution.GetStatementByStatementId(t.Context(), "none")
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Statement none does not exist"}, failureOf(t, err))
}

// What all SQL warehouses have in common is replaced as a whole, and those that
// run start again with it.
func TestWarehouseConfig(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	got := ok(l.api.Warehouses.GetWorkspaceWarehouseConfig(t.Context()))(t)
	if got.SecurityPolicy != sql.GetWorkspaceWarehouseConfigResponseSecurityPolicyDataAccessControl || len(got.EnabledWarehouseTypes) != 2 || len(got.DataAccessConfig) != 0 {
		t.Errorf("a new workspace has %+v", got)
	}
	id, stopped := l.warehouse(smallest("small")), l.warehouse(smallest("stopped"))
	ok(l.api.Warehouses.Stop(t.Context(), sql.StopRequest{Id: stopped}))(t)
	good := sql.SetWorkspaceWarehouseConfigRequest{
		SecurityPolicy:   sql.SetWorkspaceWarehouseConfigRequestSecurityPolicyNone,
		DataAccessConfig: []sql.EndpointConfPair{{Key: "spark.a", Value: "1"}},
	}
	for name, test := range map[string]struct {
		change func(*sql.SetWorkspaceWarehouseConfigRequest)
		want   string
	}{
		"no security policy": {func(r *sql.SetWorkspaceWarehouseConfigRequest) { r.SecurityPolicy = "" }, `security_policy "" is not known`},
		"a setting of another name": {func(r *sql.SetWorkspaceWarehouseConfigRequest) {
			r.DataAccessConfig = []sql.EndpointConfPair{{Key: "hive.a", Value: "1"}}
		}, `data_access_config: the key "hive.a" is not supported`},
		"a profile that is not registered": {
			func(r *sql.SetWorkspaceWarehouseConfigRequest) { r.InstanceProfileArn = glueProfile },
			"The instance profile " + glueProfile + " is not registered with this workspace",
		},
	} {
		in := good
		test.change(&in)
		if got, want := failureOf(t, l.api.Warehouses.SetWorkspaceWarehouseConfig(t.Context(), in)), (failure{400, "INVALID_PARAMETER_VALUE", test.want}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	l.warehouseIs(id, sql.StateRunning)

	l.done(l.api.InstanceProfiles.Add(t.Context(), compute.AddInstanceProfile{InstanceProfileArn: glueProfile}))
	good.InstanceProfileArn = glueProfile
	l.done(l.api.Warehouses.SetWorkspaceWarehouseConfig(t.Context(), good))
	got = ok(l.api.Warehouses.GetWorkspaceWarehouseConfig(t.Context()))(t)
	if got.InstanceProfileArn != glueProfile || got.SecurityPolicy != "NONE" || len(got.DataAccessConfig) != 1 || len(got.EnabledWarehouseTypes) != 0 {
		t.Errorf("the workspace has %+v", got)
	}
	l.warehouseIs(id, sql.StateStarting)
	l.warehouseIs(stopped, sql.StateStopped)
	l.sleep(l.warehouseStart("small", 2))
	l.warehouseIs(id, sql.StateRunning)
}

// An instance profile is registered after AWS was asked whether it can be used.
func TestInstanceProfiles(t *testing.T) {
	t.Parallel()
	const verification = "Verification of the instance profile failed. AWS error: "
	invalidARN := verification + "Value (" + glueProfile + ") for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
	for name, test := range map[string]struct {
		change func(*lab)
		in     compute.AddInstanceProfile
		want   failure
	}{
		"good":      {},
		"malformed": {in: compute.AddInstanceProfile{InstanceProfileArn: "arn:aws:iam::111122223333:role/glue"}, want: failure{400, "INVALID_PARAMETER_VALUE", "The instance profile ARN arn:aws:iam::111122223333:role/glue is not valid"}},
		"missing":   {change: func(l *lab) { delete(l.cloud.profiles, glueProfile) }, want: failure{400, "DRY_RUN_FAILED", invalidARN}},
		"without a role": {
			change: func(l *lab) { editing(l.cloud.profiles, glueProfile, func(p *InstanceProfile) { p.Role = "" }) },
			want:   failure{400, "DRY_RUN_FAILED", invalidARN},
		},
		"not seen yet": {
			change: func(l *lab) {
				editing(l.cloud.profiles, glueProfile, func(p *InstanceProfile) { p.Changed = l.clock.Now() })
			},
			want: failure{400, "DRY_RUN_FAILED", invalidARN},
		},
		"not to be passed": {
			change: func(l *lab) { editing(l.cloud.roles, testRole, func(r *Role) { r.Policies = r.Policies[:1] }) },
			want:   failure{400, "DRY_RUN_FAILED", verification + "You are not authorized to perform this operation. Encoded authorization failure message: 5Jx0pQ"},
		},
		"not trusted": {
			change: func(l *lab) { editing(l.cloud.roles, glueRole, func(r *Role) { r.Trust = "{}" }) },
			want:   failure{400, "DRY_RUN_FAILED", verification + "The role " + glueRole + " is not trusted by ec2.amazonaws.com"},
		},
		"of another name": {
			change: func(l *lab) { editing(l.cloud.profiles, glueProfile, func(p *InstanceProfile) { p.Name = "other" }) },
			want:   failure{400, "DRY_RUN_FAILED", verification + "The role of " + glueProfile + " has another name than the profile"},
		},
		"of another name, with its role": {
			change: func(l *lab) { editing(l.cloud.profiles, glueProfile, func(p *InstanceProfile) { p.Name = "other" }) },
			in:     compute.AddInstanceProfile{IamRoleArn: glueRole},
		},
		"missing, and not tried": {
			change: func(l *lab) { delete(l.cloud.profiles, glueProfile) },
			in:     compute.AddInstanceProfile{SkipValidation: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if test.change != nil {
				test.change(l)
			}
			if test.in.InstanceProfileArn == "" {
				test.in.InstanceProfileArn = glueProfile
			}
			err := l.api.InstanceProfiles.Add(t.Context(), test.in)
			all := ok(l.api.InstanceProfiles.ListAll(t.Context()))(t)
			if test.want != (failure{}) {
				equal(t, test.want, failureOf(t, err))
				equal(t, 0, len(all))
				return
			}
			l.done(err)
			if len(all) != 1 || all[0].InstanceProfileArn != glueProfile || all[0].IamRoleArn != test.in.IamRoleArn {
				t.Errorf("registered are %+v", all)
			}
			equal(t, failure{409, "RESOURCE_ALREADY_EXISTS", "The instance profile " + glueProfile + " has already been added"},
				failureOf(t, l.api.InstanceProfiles.Add(t.Context(), test.in)))
			remove := compute.RemoveInstanceProfile{InstanceProfileArn: glueProfile}
			l.done(l.api.InstanceProfiles.Remove(t.Context(), remove))
			equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Instance profile " + glueProfile + " does not exist"},
				failureOf(t, l.api.InstanceProfiles.Remove(t.Context(), remove)))
			equal(t, 0, len(ok(l.api.InstanceProfiles.ListAll(t.Context()))(t)))
		})
	}
}
