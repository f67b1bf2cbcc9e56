// Comfort only: every page works without it.
for (const form of document.querySelectorAll("form[data-once]"))
	form.addEventListener("submit", () => {
		// After the browser has taken the button's value along.
		setTimeout(() => form.querySelectorAll("button").forEach((button) => {
			button.disabled = true;
		}));
	});

for (const input of document.querySelectorAll("input[data-send]"))
	input.addEventListener("change", () => input.form.requestSubmit());

// Back to a page that the browser kept: its buttons work again.
addEventListener("pageshow", () => document.querySelectorAll("form[data-once] button")
	.forEach((button) => {
		button.disabled = button.hasAttribute("data-off");
	}));
