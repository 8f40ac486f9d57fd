package spec

import "reflect"

// textFields returns every text field of the types.
func textFields() []reflect.StructField {
	var fields []reflect.StructField
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Slice, reflect.Pointer:
			walk(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				if f := t.Field(i); f.Type.Kind() == reflect.String || f.Type == reflect.TypeFor[[]string]() {
					fields = append(fields, f)
				} else {
					walk(f.Type)
				}
			}
		}
	}
	walk(reflect.TypeFor[Workspace]())
	return fields
}
