// A file of examples: given to the page by hand or by dropping it, and how it would be read.

import { fill, foreign, h, post } from "./dom.js";
import { failed, notice, sentence } from "./notices.js";
import { _, bytes, ngettext, number } from "./words.js";

// Ask for a file; `done` gets what the server says about it.
export function chooseFile(at, language, done) {
  const said = h("div", { role: "status" });
  const give = async (file) => {
    if (!file) return;
    fill(said, notice(_("Reading {name} …", { name: file.name })));
    input.disabled = true;
    try {
      done(
        await post(
          `/api/file?at=${encodeURIComponent(at)}&language=${encodeURIComponent(language)}&name=${encodeURIComponent(file.name)}`,
          file,
        ),
      );
    } catch (error) {
      fill(said, failed(error));
    } finally {
      input.disabled = false;
    }
  };
  const input = h("input", {
    type: "file",
    class: "visually-hidden",
    id: "file",
    on: { change: () => give(input.files[0]) },
  });
  const zone = h(
    "label",
    {
      class: "drop",
      for: "file",
      on: {
        dragover: (event) => {
          event.preventDefault();
          zone.classList.add("over");
        },
        dragleave: () => zone.classList.remove("over"),
        drop: (event) => {
          event.preventDefault();
          zone.classList.remove("over");
          give(event.dataTransfer.files[0]);
        },
      },
    },
    h("strong", {}, _("Choose a file")),
    h("span", {}, _("or drop it here")),
    h("span", { class: "hint" }, "CSV · TSV · JSON · CoNLL · Parquet"),
    input,
  );
  return h("div", { class: "stack" }, zone, said);
}

// How a file would be read: counts, what is odd about it, and samples.
export function lookedAt({ file, summary, problem }) {
  const name = h("h3", {}, foreign(file.called), " ", h("small", {}, bytes(file.bytes)));
  if (problem)
    return h("div", { class: "stack" }, name, h("div", { class: "notice bad" }, foreign(sentence(problem.error), "p")));
  const { train, test } = summary.counts;
  const total = (counts, split) =>
    summary.sentences?.[split] ?? Object.values(counts).reduce((sum, one) => sum + one, 0);
  const skipped = Object.entries(summary.skipped);
  return h(
    "div",
    { class: "stack" },
    name,
    h(
      "p",
      {},
      ngettext("One sentence to learn from.", "{n} sentences to learn from.", total(train, "train")),
      " ",
      ngettext(
        "One is kept aside to check the result.",
        "{n} are kept aside to check the result.",
        total(test, "test"),
      ),
    ),
    summary.findings.map(finding),
    h("div", { class: "columns" }, counted(train, test), samples(summary.samples)),
    skipped.length
      ? h(
          "details",
          {},
          h(
            "summary",
            {},
            ngettext(
              "One row cannot be used",
              "{n} rows cannot be used",
              skipped.reduce((sum, [, count]) => sum + count, 0),
            ),
          ),
          h(
            "ul",
            {},
            skipped.map(([reason, count]) =>
              h(
                "li",
                {},
                `${number(count)} × `,
                foreign(reason),
                summary.first_skipped[reason]
                  ? h("small", {}, " (", foreign(summary.first_skipped[reason]), ")")
                  : null,
              ),
            ),
          ),
        )
      : null,
    summary.notes.length
      ? h(
          "details",
          {},
          h("summary", {}, _("How it was read")),
          h(
            "ul",
            {},
            summary.notes.map((note) => h("li", {}, foreign(sentence(note)))),
          ),
        )
      : null,
  );
}

function finding({ level, text }) {
  return h(
    "div",
    { class: `notice ${{ note: "", warning: "warn", useless: "bad" }[level]}` },
    h(
      "p",
      {},
      level === "useless"
        ? h("strong", {}, _("Nothing can be learned from this: "))
        : level === "warning"
          ? h("strong", {}, _("Look at this: "))
          : null,
      foreign(sentence(text)),
    ),
  );
}

function counted(train, test) {
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: "data" },
      h("caption", { class: "visually-hidden" }, _("How often each label occurs")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, _("Label")),
          h("th", { scope: "col", class: "number" }, _("To learn")),
          h("th", { scope: "col", class: "number" }, _("To check")),
        ),
      ),
      h(
        "tbody",
        {},
        Object.keys(train).map((label) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, foreign(label)),
            h("td", { class: "number" }, number(train[label])),
            h("td", { class: "number" }, number(test[label] ?? 0)),
          ),
        ),
      ),
    ),
  );
}

function samples(found) {
  return h(
    "div",
    { class: "stack tight" },
    h("h3", {}, _("Samples")),
    h(
      "ul",
      { class: "samples" },
      found.map(([label, text]) => h("li", { class: "sample" }, foreign(text, "p"), h("b", {}, foreign(label)))),
    ),
  );
}
