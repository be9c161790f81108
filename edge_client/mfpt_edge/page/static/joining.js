// Joining, in three steps: the invitation, the sentences, and when this computer may work.

import { announce, fill, foreign, h, post } from "./dom.js";
import { chooseFile, lookedAt } from "./files.js";
import { failed } from "./notices.js";
import { courtesyForm } from "./courtesy.js";
import { _, languageName } from "./words.js";

export function joining(place, page) {
  const asked = { line: "", language: "", invitation: null, looked: null, noFile: false, step: 1 };
  const steps = h("div", { class: "stack" });
  fill(
    place,
    h(
      "div",
      { class: "stack tight" },
      h("h1", {}, _("Help a language model learn your language")),
      h(
        "p",
        { class: "lead" },
        _(
          "Your sentences stay on this computer. It learns from them here, and sends only what it has learned: some kilobytes of numbers. This page shows you everything that is sent.",
        ),
      ),
    ),
    steps,
  );
  document.title = `${_("Join")} – mfpt`;
  const draw = (focus = true) => {
    fill(
      steps,
      [invitationStep, sentencesStep, courtesyStep].map((step, index) => step(asked, index + 1, draw, page)),
    );
    if (focus) steps.querySelector(".step.current h2")?.focus();
  };
  draw(false);
  return () => {};
}

// A step: done ones say what was chosen, and can be gone back to; later ones only say what will be asked.
function step(asked, number, { title, said, back }, body) {
  const look = number === asked.step ? "current" : number < asked.step ? "done" : "later";
  return h(
    "section",
    { class: `card step ${look}`, "aria-current": look === "current" ? "step" : null },
    h(
      "div",
      { class: "step-head" },
      h("span", { class: "step-number", "aria-hidden": "true" }, look === "done" ? "✓" : String(number)),
      h("h2", { tabindex: "-1" }, title),
      look === "done"
        ? h(
            "button",
            { class: "quiet", on: { click: back } },
            _("Change"),
            h("span", { class: "visually-hidden" }, `: ${title}`),
          )
        : null,
    ),
    look === "done" ? h("p", { class: "said" }, said()) : null,
    look === "current" ? h("div", { class: "body" }, body()) : null,
  );
}

function invitationStep(asked, number, draw, page) {
  return step(
    asked,
    number,
    {
      title: _("Your invitation"),
      said: () =>
        _("Federation {federation} at {server}, for {language}", {
          federation: asked.invitation.federation,
          server: asked.invitation.server,
          language: languageName(asked.invitation.language, asked.invitation.language_name),
        }),
      back: () => {
        asked.step = 1;
        draw();
      },
    },
    () => {
      const line = h("textarea", {
        id: "line",
        value: asked.line,
        spellcheck: "false",
        autocomplete: "off",
        class: "code",
        dir: "ltr",
        "aria-describedby": "line-hint",
        required: true,
      });
      const language = h("input", {
        type: "text",
        id: "spoken",
        value: asked.language,
        "aria-describedby": "spoken-hint",
        autocomplete: "off",
      });
      const needed = h(
        "div",
        { class: "field", hidden: !asked.invitation || Boolean(asked.invitation.language) },
        h("label", { for: "spoken" }, _("Language of your sentences")),
        language,
        h(
          "span",
          { class: "hint", id: "spoken-hint" },
          _("A short tag, such as sw for Swahili, yo for Yoruba or qu for Quechua."),
        ),
      );
      const problem = h("div", { role: "alert" });
      const go = async (event) => {
        event.preventDefault();
        [asked.line, asked.language] = [line.value, language.value];
        try {
          asked.invitation = await post("/api/invitation", { line: asked.line, language: asked.language });
        } catch (error) {
          return fill(problem, failed(error));
        }
        if (asked.invitation.is_member) return page.go(asked.invitation.at);
        if (!asked.invitation.language) {
          fill(problem);
          needed.hidden = false;
          return language.focus();
        }
        asked.step = 2;
        draw();
      };
      return h(
        "form",
        { class: "stack", on: { submit: go } },
        h(
          "div",
          { class: "field" },
          h("label", { for: "line" }, _("Paste the line that you were given")),
          line,
          h(
            "span",
            { class: "hint", id: "line-hint" },
            _(
              "It begins with mfpt:// and comes from the people who run the federation. Whoever has it can use it, so keep it to yourself.",
            ),
          ),
        ),
        needed,
        problem,
        h("div", {}, h("button", { class: "primary" }, _("Continue"))),
      );
    },
  );
}

function sentencesStep(asked, number, draw) {
  return step(
    asked,
    number,
    {
      title: _("Your sentences"),
      said: () => (asked.noFile ? _("The data that the federation names") : foreign(asked.looked.file.called)),
      back: () => {
        asked.step = 2;
        draw();
      },
    },
    () => {
      const { at, language } = asked.invitation;
      const next = () => {
        asked.step = 3;
        draw();
      };
      const without = async () => {
        await post("/api/no-file", { at });
        asked.noFile = true;
        next();
      };
      if (!asked.looked) {
        return h(
          "div",
          { class: "stack" },
          h(
            "p",
            {},
            _(
              "A table with a text and its label in each row is enough, saved as CSV. It is copied into a folder that only you can open, and goes nowhere else.",
            ),
          ),
          chooseFile(at, language, (looked) => {
            asked.looked = looked;
            asked.noFile = false;
            announce(_("Your file was read"));
            draw();
          }),
          h(
            "div",
            {},
            h(
              "button",
              { class: "quiet", on: { click: without } },
              _("I have no file: use the data that the federation names"),
            ),
          ),
        );
      }
      return h(
        "div",
        { class: "stack" },
        lookedAt(asked.looked),
        h(
          "div",
          { class: "row" },
          asked.looked.problem ? null : h("button", { class: "primary", on: { click: next } }, _("Continue")),
          h(
            "button",
            {
              on: {
                click: () => {
                  asked.looked = null;
                  draw();
                },
              },
            },
            _("Choose another file"),
          ),
        ),
      );
    },
  );
}

function courtesyStep(asked, number, draw, page) {
  return step(asked, number, { title: _("When this computer may work"), said: () => "", back: () => {} }, () => {
    const start = { paused: false, hours: "", max_load: null, on_battery: "pause", max_upload: null };
    return courtesyForm(
      start,
      _("Join"),
      async (settings) => {
        await post("/api/join", {
          at: asked.invitation.at,
          line: asked.line,
          language: asked.invitation.language,
          settings,
        });
        page.go(asked.invitation.at);
      },
      _(
        "You can pause, change this or leave at any time. The language model is loaded first, which takes a minute or two.",
      ),
    );
  });
}
