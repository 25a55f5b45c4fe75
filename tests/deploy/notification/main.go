// Fills in templates as Grafana does, with the engine that Grafana uses: the texts of a rule, then a notification of them.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"text/template"
	"time"
)

type value struct {
	Labels map[string]string
	Value  float64
}

type evaluation struct {
	Labels map[string]string
	Values map[string]value
}

type alert struct {
	Status      string
	Labels      map[string]string
	Annotations map[string]string
	PanelURL    string
	SilenceURL  string
}

type alerts struct {
	Firing   []alert
	Resolved []alert
}

type notification struct {
	Status       string
	Alerts       alerts
	CommonLabels map[string]string
	ExternalURL  string
}

type asked struct {
	Template     string
	Name         string
	Evaluation   *evaluation
	Notification *notification
}

var functions = template.FuncMap{
	"humanizeDuration": func(seconds float64) string { return time.Duration(seconds * float64(time.Second)).String() },
	"reReplaceAll": func(pattern, with, text string) string {
		return regexp.MustCompile(pattern).ReplaceAllString(text, with)
	},
}

func filled(one asked) (string, error) {
	text, told := one.Template, any(one.Notification)
	if one.Evaluation != nil {
		text, told = "{{- $labels := .Labels -}}{{- $values := .Values -}}"+text, one.Evaluation
	}
	made, err := template.New("").Funcs(functions).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = made.ExecuteTemplate(&out, one.Name, told)
	return out.String(), err
}

func main() {
	var given []asked
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	texts := []string{}
	for _, one := range given {
		text, err := filled(one)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		texts = append(texts, text)
	}
	json.NewEncoder(os.Stdout).Encode(texts)
}
