// Try what this computer has learned on a sentence, here and without a network.

import { fill, foreign, h, post, showing } from "./dom.js";
import { failed, notice } from "./notices.js";
import { _, lasting, number, percent } from "./words.js";

export function trying(place, device) {
  document.title = `${_("Try it")} – mfpt`;
  const body = h("div");
  fill(place, h("h1", {}, _("Try it")), body);
  return showing(
    body,
    (state) => state.device.can_predict,
    (can) =>
      can ? form(device) : notice(_("As soon as the first version has come to this computer, you can try it here.")),
  );
}

function form(device) {
  const text = h("textarea", {
    id: "text",
    dir: "auto",
    maxlength: 5000,
    required: true,
    "aria-describedby": "text-hint",
  });
  const answers = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "primary" }, _("What does it say?"));
  const ask = async (event) => {
    event.preventDefault();
    if (!text.value.trim() || button.getAttribute("aria-disabled")) return;
    button.setAttribute("aria-disabled", "true");
    fill(answers, notice(_("Thinking: the language model is loaded for this …")));
    try {
      fill(answers, answered(await post("/api/predict", { at: device.at, text: text.value })));
    } catch (error) {
      fill(answers, failed(error));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  };
  return h(
    "section",
    { class: "card stack" },
    h(
      "form",
      { class: "stack", on: { submit: ask } },
      h(
        "div",
        { class: "field" },
        h("label", { for: "text" }, _("A sentence in your language")),
        text,
        h(
          "span",
          { class: "hint", id: "text-hint" },
          _("One on each line, if there are more. It stays on this computer."),
        ),
      ),
      h("div", {}, button),
    ),
    answers,
  );
}

function answered({ version, age_seconds, predictions }) {
  return [
    predictions.map(answer),
    h(
      "p",
      { class: "hint" },
      _("By version {version}, which came {time} ago.", { version: number(version), time: lasting(age_seconds) }),
    ),
  ];
}

function answer(one) {
  if (one.words)
    return h(
      "div",
      { class: "answer" },
      h(
        "ul",
        { class: "tagged" },
        one.words.map((word, index) =>
          h(
            "li",
            { class: one.tags[index] && one.tags[index] !== "O" ? "named" : "" },
            foreign(word),
            h("small", {}, foreign(one.tags[index] ?? "–")),
          ),
        ),
      ),
    );
  if (!one.text) return null;
  const said =
    one.completion !== undefined
      ? foreign(one.completion ?? "", "p", { class: "label" })
      : h(
          "p",
          { class: "label" },
          h("strong", {}, foreign(one.label)),
          " ",
          h("small", {}, _("{share} sure", { share: percent(one.probability) })),
        );
  return h("div", { class: "answer" }, foreign(one.text, "p", { class: "hint" }), said);
}
