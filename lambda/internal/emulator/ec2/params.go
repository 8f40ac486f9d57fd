package ec2

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
)

// fault is an error reply of the service.
func fault(code, format string, args ...any) *wire.Error {
	return &wire.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// notEmulated refuses loudly what the real service would do.
func notEmulated(format string, args ...any) *wire.Error {
	return &wire.Error{
		Status: http.StatusNotImplemented, Code: "NotImplemented",
		Message: fmt.Sprintf(format, args...) + " is not emulated",
	}
}

// decode reads the parameters of an action into a struct. The tag ec2 names the
// parameter; ",required" refuses a request without it. Lists are Name.1, Name.2
// and so on, members of a structure Name.Member. A parameter that the struct
// does not have is refused, since ignoring it would promise something.
func decode(action string, form url.Values, into any) error {
	d := &decoder{form: form, used: map[string]bool{"Action": true, "Version": true, "DryRun": true}}
	if err := d.structure("", reflect.ValueOf(into).Elem()); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(form)) {
		if !d.used[key] && !strings.HasPrefix(key, "X-Amz-") {
			return notEmulated("the parameter %s of ec2:%s", key, action)
		}
	}
	if len(d.missing) > 0 {
		return fault("MissingParameter", "The request must contain the parameter %s", d.missing[0])
	}
	return nil
}

// canonical renders the parameters that make two requests the same request.
func canonical(form url.Values) string {
	rest := maps.Clone(form)
	maps.DeleteFunc(rest, func(key string, _ []string) bool {
		return key == "ClientToken" || strings.HasPrefix(key, "X-Amz-")
	})
	return rest.Encode()
}

type decoder struct {
	form url.Values
	used map[string]bool
	// missing are the required parameters that were not sent.
	missing []string
}

func (d *decoder) structure(prefix string, v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			if err := d.structure(prefix, v.Field(i)); err != nil {
				return err
			}
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("ec2"), ",")
		present, err := d.value(prefix+name, v.Field(i))
		if err != nil {
			return err
		}
		if option == "required" && !present {
			d.missing = append(d.missing, prefix+name)
		}
	}
	return nil
}

func (d *decoder) value(key string, v reflect.Value) (present bool, err error) {
	switch v.Kind() {
	case reflect.Pointer:
		if !d.has(key) {
			return false, nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(key, v.Elem())
	case reflect.Slice:
		for n := 1; d.has(key + "." + strconv.Itoa(n)); n++ {
			item := reflect.New(v.Type().Elem()).Elem()
			if _, err := d.value(key+"."+strconv.Itoa(n), item); err != nil {
				return true, err
			}
			v.Set(reflect.Append(v, item))
		}
		return v.Len() > 0, nil
	case reflect.Struct:
		return d.has(key), d.structure(key+".", v)
	default:
		text, ok := d.form[key]
		if !ok || len(text) == 0 {
			return false, nil
		}
		d.used[key] = true
		return true, scalar(key, text[0], v)
	}
}

func scalar(key, text string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fault("InvalidParameterValue", "Invalid value '%s' for %s; expected true or false", text, key)
		}
		v.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fault("InvalidParameterValue", "Invalid value '%s' for %s; expected an integer", text, key)
		}
		v.SetInt(int64(n))
	default:
		panic("ec2: parameter " + key + " has the type " + v.Type().String())
	}
	return nil
}

// has says whether a parameter or any member of it was sent.
func (d *decoder) has(key string) bool {
	if _, ok := d.form[key]; ok {
		return true
	}
	for k := range d.form {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}
