package browser_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestThePage(t *testing.T) {
	browser := chromium(t)
	for name, file := range pages(t) {
		for _, check := range []struct {
			name string
			run  func(t *testing.T, page site)
		}{
			{"loads without errors", loads},
			{"filters by words", filters},
			{"filters by states", toggles},
			{"filters by keyboard", types},
			{"keeps the filter in its address", remembers},
			{"leads deep links to their rows", leads},
			{"has a target for each link", links},
			{"fits each width", fits},
			{"can be read in light and dark", contrasts},
			{"prints what is folded on the screen", prints},
			{"shows all without scripts", stands},
		} {
			t.Run(name+" "+check.name, func(t *testing.T) { check.run(t, site{browser, file}) })
		}
		if name == "real" {
			t.Run("keeps screenshots", func(t *testing.T) { screenshots(t, site{browser, file}) })
		}
	}
}

// rows are the ids of the rows that are shown.
func (t *tab) rows() []string {
	t.Helper()
	return ask[[]string](t, `[...document.querySelectorAll("tr[data-states]")].filter((row) => row.checkVisibility()).map((row) => row.id)`)
}

// all are the ids of all rows, on a page that hides none.
func (t *tab) all() []string {
	t.Helper()
	rows := t.rows()
	if len(rows) == 0 {
		t.Fatal("the page has no rows")
	}
	return rows
}

// told is what the page says of how many rows it shows.
func (t *tab) told() (shown, all int) {
	t.Helper()
	text := ask[string](t, `document.querySelector("output").textContent`)
	if _, err := fmt.Sscanf(text, "%d of %d shown", &shown, &all); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return shown, all
}

// shows requires the rows, the number that is told, and that neither headings nor
// timelines stand there alone.
func (t *tab) shows(want []string) {
	t.Helper()
	if rows := t.rows(); !slices.Equal(rows, want) {
		t.Fatalf("it shows %q, not %q", rows, want)
	}
	if shown, _ := t.told(); shown != len(want) {
		t.Errorf("it tells of %d rows, and shows %d", shown, len(want))
	}
	empty := ask[int](t, `[...document.querySelectorAll("tbody.group")].filter((body) => body.checkVisibility() &&
		![...body.querySelectorAll("tr[data-states]")].some((row) => row.checkVisibility())).length`)
	if empty > 0 {
		t.Errorf("%d headings stand above nothing", empty)
	}
	lost := ask[int](t, `[...document.querySelectorAll("tr.told")].filter((row) => row.checkVisibility() !== row.previousElementSibling.checkVisibility()).length`)
	if lost > 0 {
		t.Errorf("%d timelines are not where their rows are", lost)
	}
}

func loads(t *testing.T, page site) {
	tab := page.open(t, "")
	rows := tab.rows()
	if shown, all := tab.told(); shown != len(rows) || all != len(rows) || all == 0 {
		t.Errorf("it tells of %d of %d rows, and shows %d", shown, all, len(rows))
	}
	if ask[bool](tab, `"broken" in window`) {
		t.Error("a text of the report has run as a script")
	}
	if n := ask[int](tab, `document.querySelectorAll("img, svg[onload], iframe, object, link[rel=stylesheet]").length`); n > 0 {
		t.Errorf("%d elements have come of texts", n)
	}
}

const search = chromedp.CSS("input[type=search]")

func enter(text string) step { return chromedp.SendKeys(search, text) }

func click(selector string) step { return chromedp.Click(chromedp.CSS(selector)) }

func filters(t *testing.T, page site) {
	tab := page.open(t, "")
	all := tab.all()
	id := all[len(all)/2]
	tab.do(enter(strings.ToUpper(id)))
	if rows := tab.rows(); !slices.Contains(rows, id) || len(rows) == len(all) {
		t.Errorf("%q shows %d of %d rows", id, len(rows), len(all))
	}
	tab.shows(tab.rows())
	tab.do(enter(" thereisnosuchword"))
	tab.shows([]string{})
	tab.do(click(`button[name=all]`))
	tab.shows(all)

	fault := ask[string](tab, `document.querySelector(".fault code")?.textContent ?? ""`)
	caught := ask[[]string](tab, `[...document.querySelectorAll("tr[data-states]")]
		.filter((row) => [...row.querySelectorAll(".fault code")].some((code) => code.textContent === %q)).map((row) => row.id)`, fault)
	tab.do(enter(fault))
	rows := tab.rows()
	tab.shows(rows)
	if fault == "" || len(rows) == len(all) {
		t.Fatalf("the broken adapter %q shows %d of %d rows", fault, len(rows), len(all))
	}
	for _, id := range caught {
		if !slices.Contains(rows, id) {
			t.Errorf("%q does not show %s, which catches it", fault, id)
		}
	}
}

func toggles(t *testing.T, page site) {
	tab := page.open(t, "")
	all := tab.all()
	with := func(states string) []string {
		return ask[[]string](tab, `[...document.querySelectorAll("tr[data-states]")].filter((row) => row.querySelector(%q)).map((row) => row.id)`, states)
	}
	for _, state := range []string{"passed", "failed", "subject-at-fault", "deviates", "not-checked"} {
		box := fmt.Sprintf("input[value=%s]", state)
		tab.do(click(box))
		tab.shows(with("td .state." + state))
		if n := ask[string](tab, `document.querySelector(%q).parentElement.querySelector(".n").textContent`, box); n != fmt.Sprint(len(with("td .state."+state))) {
			t.Errorf("%s rows are said to be %s", state, n)
		}
		tab.do(click(box))
		tab.shows(all)
	}
	tab.do(click("input[value=deviates]"), click("input[value=not-checked]"))
	tab.shows(with("td .state.deviates, td .state.not-checked"))
}

func types(t *testing.T, page site) {
	tab := page.open(t, "")
	all := tab.all()
	for range 2 { // past the link that skips to the table
		tab.do(chromedp.KeyEvent(kb.Tab))
	}
	tab.do(chromedp.KeyEvent(all[0]))
	if rows := tab.rows(); !slices.Contains(rows, all[0]) || len(rows) == len(all) {
		t.Errorf("%q shows %d of %d rows", all[0], len(rows), len(all))
	}
	tab.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(" "))
	if !ask[bool](tab, `document.querySelector("input[value=passed]").checked`) {
		t.Error("a state is not chosen by Space")
	}
	outline := ask[string](tab, `getComputedStyle(document.activeElement).outlineStyle`)
	if outline == "none" {
		t.Error("the focus can't be seen")
	}
}

func remembers(t *testing.T, page site) {
	tab := page.open(t, "")
	id := tab.all()[0]
	tab.do(enter(id), click("input[value=passed]"))
	query := ask[string](tab, `location.search`)
	if query == "" {
		t.Fatal("the address knows nothing of the filter")
	}
	again := page.open(t, query)
	again.shows(tab.rows())
	if value := ask[string](again, `document.querySelector(%q).value`, search); value != id {
		t.Errorf("the filter says %q, not %q", value, id)
	}
	again.do(click(`button[name=all]`))
	again.shows(page.open(t, "").all())
	if query := ask[string](again, `location.search`); query != "" {
		t.Errorf("the address still knows %q", query)
	}
}

// marked requires that a row is on the screen, below the header that stays, and
// looks different from others.
func (t *tab) marked(id string) {
	t.Helper()
	if place := ask[string](t, `(() => {
		const row = document.getElementById(%q).getBoundingClientRect();
		const head = document.querySelector("thead th").getBoundingClientRect();
		const below = getComputedStyle(document.querySelector("thead th")).position === "sticky" ? head.bottom : 0;
		const seen = row.top >= below - 1 && row.top < innerHeight && row.height > 0;
		return seen ? "" : "from " + row.top + " on " + row.height + " high, below " + below + " in " + innerHeight;
	})()`, id); place != "" {
		t.Errorf("%s is not on the screen: %s", id, place)
	}
	if !ask[bool](t, `(() => {
		const color = (row) => getComputedStyle(row).backgroundColor;
		const row = document.getElementById(%q);
		return row.matches(":target") && color(row) !== color(document.querySelector("tr[data-states]:not(:target)"));
	})()`, id) {
		t.Errorf("%s is not marked", id)
	}
}

func leads(t *testing.T, page site) {
	all := page.open(t, "").all()
	for _, id := range []string{all[0], all[len(all)/2]} {
		for _, pixels := range []int64{360, 1280} {
			page.open(t, "#"+id, width(pixels)).marked(id)
		}
	}
	last := all[len(all)-1]
	tab := page.open(t, "?q=thereisnosuchword#"+last)
	tab.marked(last)
	tab.shows(all)
	tab.do(click(`tr[data-states] a.id`))
	tab.marked(all[0])
	tab.do(click(`nav p:last-of-type a`))
	if !ask[bool](tab, `document.querySelector(":target h2").getBoundingClientRect().top < innerHeight`) {
		t.Error("the table of contents does not lead to the role")
	}
}

func links(t *testing.T, page site) {
	tab := page.open(t, "")
	for _, dangling := range ask[[]string](tab, `[...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute("href"))
		.filter((href) => !document.getElementById(decodeURIComponent(href.slice(1))))`) {
		t.Errorf("%s leads nowhere", dangling)
	}
	for _, twice := range ask[[]string](tab, `[...document.querySelectorAll("[id]")].map((element) => element.id).filter((id, i, all) => all.indexOf(id) !== i)`) {
		t.Errorf("there are two elements %s", twice)
	}
	for _, link := range ask[[]string](tab, `[...document.querySelectorAll('a:not([href^="#"])')]
		.filter((link) => !/^https?:/.test(link.protocol) || !link.relList.contains("noopener")).map((link) => link.outerHTML)`) {
		t.Errorf("%s is no link to the outside", link)
	}
}

const unfold = `document.querySelectorAll("details").forEach((details) => { details.open = true })`

func fits(t *testing.T, page site) {
	for _, pixels := range []int64{360, 900, 1280} {
		tab := page.open(t, "", width(pixels))
		for range 2 {
			if has := ask[int64](tab, `document.scrollingElement.scrollWidth`); has > pixels {
				t.Errorf("%d pixels are %d wide", pixels, has)
			}
			tab.do(chromedp.Evaluate[chromedp.Void](unfold))
		}
	}
}

func prints(t *testing.T, page site) {
	tab := page.open(t, "", media("print", "dark"))
	hidden := ask[int](tab, `[...document.querySelectorAll(".reason, .link, .took, pre, dl, tr")].filter((part) =>
		part.textContent && !(part.checkVisibility() && part.getBoundingClientRect().height > 0)).length`)
	if hidden > 0 {
		t.Errorf("%d parts are not printed", hidden)
	}
	if ask[bool](tab, `["form", "nav"].some((part) => document.querySelector(part).checkVisibility())`) {
		t.Error("the filter is printed")
	}
	if paper := ask[string](tab, `getComputedStyle(document.body).backgroundColor`); paper != "rgb(255, 255, 255)" {
		t.Errorf("it prints on %s", paper)
	}
	tab.readable()
}

func stands(t *testing.T, page site) {
	all := page.open(t, "").all()
	tab := page.open(t, "?q=thereisnosuchword", command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	if rows := tab.rows(); !slices.Equal(rows, all) {
		t.Errorf("it shows %d of %d rows", len(rows), len(all))
	}
	if ask[bool](tab, `document.querySelector("form").checkVisibility()`) {
		t.Error("it shows a filter that does nothing")
	}
}

func screenshots(t *testing.T, page site) {
	for name, actions := range map[string][]step{
		"light": {width(1280), media("screen", "light")},
		"dark":  {width(1280), media("screen", "dark")},
		"phone": {width(360), media("screen", "light")},
	} {
		tab := page.open(t, "", actions...)
		tab.screenshot(filepath.Join(filepath.Dir(page.file), "contract-"+name+".png"))
	}
}
