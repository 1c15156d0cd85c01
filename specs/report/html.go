package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html page.css page.js
var files embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"pieces": pieces,
	"sign":   sign,
	"slug":   func(s State) string { return slug(string(s)) },
	"took":   took,
}).ParseFS(files, "page.html"))

// HTML writes one page that needs nothing else: no other file and no network,
// which its content security policy forbids. The only script that the policy
// lets run is the page's own, whatever the texts of the report hold. The error is
// that of the writer, or ErrInvalid for what Decode would not read.
func (r *Report) HTML(to io.Writer) error {
	if err := r.check(); err != nil {
		return err
	}
	style, err := files.ReadFile("page.css")
	if err != nil {
		return err
	}
	script, err := files.ReadFile("page.js")
	if err != nil {
		return err
	}
	return pageTemplate.Execute(to, page{
		Report: r,
		Policy: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
			hash(style), hash(script)),
		Style:  template.CSS(style), //nolint:gosec // the page's own, which the policy pins
		Script: template.JS(script), //nolint:gosec // the page's own, which the policy pins
	})
}

// hash is what a content security policy knows an inline element by.
func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
