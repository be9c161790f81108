// What the owner of a device is asked, above all parts of the page until it is answered.

import { announce, fill, foreign, h, post, showing } from "./dom.js";
import { failed } from "./notices.js";
import { _ } from "./words.js";

export function asking(place, device) {
  return showing(
    place,
    (state) => state.device?.question ?? null,
    (question) => {
      if (!question) return null;
      announce(_("Your answer is needed"));
      const problem = h("div", { role: "alert" });
      const answer = async (text) => {
        try {
          device.changed(await post("/api/answer", { at: device.at, number: question.number, answer: text }));
        } catch (error) {
          fill(problem, failed(error));
        }
      };
      return h(
        "section",
        { class: "card stack", "aria-labelledby": "question" },
        h("h2", { id: "question" }, _("Your answer is needed")),
        foreign(question.text, "p", { class: "question-text" }),
        answers(question, answer),
        problem,
      );
    },
  );
}

function answers(question, answer) {
  const button = (text, name, look = "") => h("button", { class: look, on: { click: () => answer(text) } }, name);
  if (question.kind === "yes or no")
    return h("div", { class: "row" }, button("yes", _("Yes"), "primary"), button("no", _("No")));
  if (question.kind === "choice") {
    return h(
      "div",
      { class: "row" },
      question.choices.map((one) => button(one.answer, foreign(one.text))),
      button("", _("None of them: leave these rows out"), "quiet"),
    );
  }
  const field = h("input", { type: "text", "aria-labelledby": "question" });
  return h(
    "form",
    {
      class: "row",
      on: {
        submit: (event) => {
          event.preventDefault();
          answer(field.value);
        },
      },
    },
    field,
    h("button", { class: "primary" }, _("Answer")),
  );
}
