/* What has to happen in the browser: the mode of the page, the title, files that are too large. */
(function () {
  "use strict";

  const KEY = "mlsse-explorer-mode";
  const MAX_FILE_BYTES = 4 * 1024 * 1024; // as in uploads.py
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return window.localStorage.getItem(KEY);
    } catch (error) {
      return null; // storage is forbidden
    }
  }

  function current() {
    return chosen() || (dark.matches ? "dark" : "light");
  }

  function apply(mode) {
    document.documentElement.dataset.mode = mode;
    return mode;
  }

  apply(current());
  dark.addEventListener("change", function () {
    if (!chosen() && window.dash_clientside.set_props) {
      const mode = apply(current());
      window.dash_clientside.set_props("explorer-mode", { data: mode });
      window.dash_clientside.set_props("explorer-toggle", {
        "aria-pressed": String(mode === "dark"),
      });
    }
  });

  let lastPath = null;
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.explorer = {
    mode: function (clicks) {
      let mode = current();
      if (clicks) {
        mode = mode === "dark" ? "light" : "dark";
        try {
          window.localStorage.setItem(KEY, mode);
        } catch (error) {
          /* it then lasts as long as the page */
        }
        if (!chosen()) {
          mode = document.documentElement.dataset.mode === "dark" ? "light" : "dark";
        }
      }
      apply(mode);
      return [mode, String(mode === "dark")];
    },

    /* After a view has changed: its title, and the focus for those who use the keyboard. */
    shown: function (children, path) {
      window.setTimeout(function () {
        const heading = document.querySelector("main h1");
        document.title = heading ? heading.textContent + " - mlsse explorer" : "mlsse explorer";
        if (lastPath !== null && lastPath !== path) {
          document.getElementById("explorer-content").focus({ preventScroll: true });
          window.scrollTo(0, 0);
        }
        lastPath = path;
      }, 0);
      return path;
    },
  };

  /* Controls of Dash that have no name of their own for assistive technology, or that say they
     are lists of options where they are plain radio buttons and check boxes. */
  function nameOf(part) {
    const field = part.closest("fieldset, .field");
    const label = field && field.querySelector("legend, .label");
    return label ? label.textContent : "";
  }

  function each(selector, mend) {
    document.querySelectorAll(selector).forEach(mend);
  }

  function mend() {
    each(".dash-dropdown-focus-target:not([tabindex='-1'])", function (part) {
      part.tabIndex = -1; // it is hidden, the button beside it gets the focus
    });
    each("button.dash-dropdown", function (part) {
      const label = document.querySelector("label[for='" + part.id + "']");
      part.tabIndex = 0;
      if (label) {
        label.id = part.id + "-label";
        const names = label.id + " " + part.id + "-value";
        if (part.getAttribute("aria-labelledby") !== names) {
          part.setAttribute("aria-labelledby", names); // of itself it tells its value alone
        }
      }
    });
    each(
      ".upload input:not([aria-label]), .dash-slider-thumb:not([aria-label]), " +
        ".dash-range-slider-input:not([aria-label])",
      function (part) {
        part.setAttribute("aria-label", nameOf(part));
      },
    );
    each(".dash-options-list[role='listbox']", function (part) {
      if (part.closest(".dash-dropdown-content")) {
        return;
      }
      part.setAttribute("role", part.classList.contains("dash-radioitems") ? "radiogroup" : "group");
      part.setAttribute("aria-label", nameOf(part));
    });
    each("[role='radiogroup'] > label, .dash-checklist > label", function (part) {
      part.removeAttribute("role");
      part.removeAttribute("aria-selected");
    });
  }

  let mending = false;
  new MutationObserver(function () {
    if (!mending) {
      mending = true;
      window.requestAnimationFrame(function () {
        mending = false;
        mend();
      });
    }
  }).observe(document.documentElement, {
    attributes: true,
    attributeFilter: ["role", "aria-selected", "aria-labelledby", "tabindex"],
    childList: true,
    subtree: true,
  });

  /* Figures keep their height and follow the width of the page. */
  let waiting = 0;
  window.addEventListener("resize", function () {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(function () {
      document.querySelectorAll(".figure .js-plotly-plot").forEach(function (plot) {
        if (window.Plotly && plot.layout && plot.clientWidth) {
          window.Plotly.relayout(plot, { width: plot.clientWidth });
        }
      });
    }, 150);
  });

  /* A file that is too large is refused before it is read, wherever it is dropped. */
  function refuse(event) {
    const zone = event.target.closest ? event.target.closest(".upload") : null;
    const files = (event.dataTransfer || event.target).files;
    if (!zone || !files) {
      return;
    }
    const large = Array.from(files).find((file) => file.size > MAX_FILE_BYTES);
    const note = document.getElementById(zone.dataset.refusal || "predict-refusal");
    if (large) {
      event.preventDefault();
      event.stopPropagation();
    }
    if (note) {
      note.textContent = large
        ? large.name + " has " + (large.size / 1048576).toFixed(1) + " MiB, at most 4 are read " +
          "here: use `mlsse screen` for large files."
        : "";
      note.hidden = !large;
    }
    if (large && window.dash_clientside.set_props) {
      window.dash_clientside.set_props("predict-message", { children: null });
    }
    if (large && event.target.value) {
      event.target.value = "";
    }
  }
  document.addEventListener("drop", refuse, true);
  document.addEventListener("change", refuse, true);
})();
