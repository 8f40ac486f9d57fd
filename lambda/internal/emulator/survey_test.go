package emulator_test

import (
	"encoding/json"
	"testing"

	"lakegate/lambda/internal/report"
)

// survey runs the survey and waits until all that follows is done. It returns
// what it decided.
func (s *scene) survey() map[string]int {
	s.Helper()
	out, err := s.Invoke(s.Context(), "Survey", []byte(`{}`))
	if err != nil {
		s.Fatal(err)
	}
	var data report.SurveyedData
	if err := json.Unmarshal(out, &data); err != nil {
		s.Fatal(err)
	}
	s.settle()
	if data.Failed > 0 {
		s.Errorf("it failed on %+v", data.Failures)
	}
	return data.Decisions
}

func TestSurveyFirst(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	t.Log(s.survey())
	s.World.Events.Drop("aws.s3", -1)
	s.push(s.text)
	t.Log(s.survey())
	s.mustBeReady()
	t.Log(s.survey())
	s.mustBeReady()
	s.remove()
	t.Log(s.survey())
	t.Log(s.survey())
}
