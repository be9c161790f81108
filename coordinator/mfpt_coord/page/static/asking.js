// A question before something that cannot be taken back, in a dialog that a keyboard reaches and leaves.

import { h } from "./dom.js";
import { _ } from "./words.js";

// Ask, and return whether the answer is yes; Escape is no.
export function asked(question, yes, look = "primary") {
  return new Promise((answered) => {
    const before = document.activeElement;
    const dialog = h(
      "dialog",
      { "aria-labelledby": "question" },
      h("form", { method: "dialog", class: "stack" }, h("p", { id: "question" }, question), h("div", { class: "row" }, h("button", { class: look, value: "yes" }, yes), h("button", { value: "no", autofocus: true }, _("Leave it as it is")))),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus();
      answered(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
