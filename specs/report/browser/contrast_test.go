package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func contrasts(t *testing.T, page site) {
	id := page.open(t, "").all()[0]
	for _, scheme := range []string{"light", "dark"} {
		for _, pixels := range []int64{360, 1280} {
			tab := page.open(t, "#"+id, media("screen", scheme), width(pixels))
			tab.do(chromedp.Evaluate[chromedp.Void](unfold))
			tab.readable()
		}
	}
	paper := func(scheme string) string {
		return ask[string](page.open(t, "", media("screen", scheme)), `getComputedStyle(document.body).backgroundColor`)
	}
	if light, dark := paper("light"), paper("dark"); light == dark {
		t.Errorf("light and dark are both %s", light)
	}
}

// readable requires of all text the contrast that WCAG 2 asks for at level AA.
func (t *tab) readable() {
	t.Helper()
	for _, faint := range ask[[]string](t, faint) {
		t.Error(faint)
	}
}

// faint are the texts with a contrast below 4.5 to what is behind them, each kind
// of element once.
const faint = `(() => {
	const numbers = (color) => color.match(/[\d.]+/g).map(Number);
	const solid = (color) => { const [, , , alpha = 1] = numbers(color); return alpha === 1; };
	const luminance = (color) => {
		const [r, g, b] = numbers(color).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const behind = (element) => {
		for (let e = element; e; e = e.parentElement) {
			const color = getComputedStyle(e).backgroundColor;
			if (solid(color)) return color;
		}
		return getComputedStyle(document.documentElement).colorScheme.startsWith("dark") ? "rgb(0, 0, 0)" : "rgb(255, 255, 255)";
	};
	const found = new Map();
	const judge = (element, pseudo) => {
		const style = getComputedStyle(element, pseudo);
		const [one, other] = [luminance(style.color), luminance(behind(element))];
		const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
		if (ratio < 4.5 || style.opacity !== "1") {
			found.set(element.tagName + "." + element.className, "contrast " + ratio.toFixed(2) + " of " + element.outerHTML.slice(0, 120));
		}
	};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let judged = 0;
	while (walker.nextNode()) {
		const element = walker.currentNode.parentElement;
		if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
		judge(element);
		judged++;
	}
	const box = document.querySelector("input[type=search]");
	if (box.checkVisibility()) judge(box, "::placeholder");
	if (judged === 0) found.set("", "there is no text");
	return [...found.values()];
})()`
