(function () {
  "use strict";
  var root = document.documentElement;
  var tabs = Array.from(document.querySelectorAll(".tabs [data-view]"));
  root.classList.add("js");
  document.querySelectorAll(".tabs, .filter").forEach(function (part) { part.hidden = false; });

  function view(tab) { return document.getElementById("view-" + tab.dataset.view); }

  function show(tab) {
    tabs.forEach(function (each) {
      var on = each === tab;
      each.setAttribute("aria-selected", String(on));
      each.tabIndex = on ? 0 : -1;
      view(each).classList.toggle("shown", on);
    });
  }

  function choose(tab) {
    show(tab);
    history.replaceState(null, "", "#" + tab.dataset.view);
  }

  tabs.forEach(function (tab, place) {
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", view(tab).id);
    view(tab).setAttribute("role", "tabpanel");
    view(tab).setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", function () { choose(tab); });
    tab.addEventListener("keydown", function (event) {
      var to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) { return; }
      event.preventDefault();
      var next = tabs[(to + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  });

  // On a narrow screen the style stacks the cells of a row, which removes their table semantics: restore them as roles.
  var roles = { THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
  document.querySelectorAll(".stack").forEach(function (table) {
    var labels = Array.from(table.tHead.rows[0].cells).map(function (cell) { return cell.textContent; });
    table.setAttribute("role", "table");
    table.querySelectorAll("thead, tbody, tr, th, td").forEach(function (part) {
      part.setAttribute("role", roles[part.tagName] || (part.scope === "row" ? "rowheader" : "columnheader"));
      if (part.tagName === "TD") { part.dataset.label = labels[part.cellIndex]; }
    });
  });

  function showFromHash() {
    var name = location.hash.slice(1);
    var place = name && document.getElementById(name);
    var holder = place && place.closest(".view");
    var requested = tabs.filter(function (tab) { return tab.dataset.view === name || (holder && view(tab) === holder); })[0];
    if (requested || !document.querySelector(".view.shown")) { show(requested || tabs[0]); }
    if (holder && holder !== place) { place.scrollIntoView(); }
  }
  window.addEventListener("hashchange", showFromHash);
  showFromHash();

  document.getElementById("theme").addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (part) { part.open = true; });
  });

  var filter = document.getElementById("filter");
  var rows = filter ? Array.from(document.querySelectorAll("#capabilities tbody tr")) : [];
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  if (filter) {
    filter.addEventListener("input", function () {
      var query = filter.value.trim().toLowerCase(), shown = 0;
      rows.forEach(function (row, place) {
        row.hidden = texts[place].indexOf(query) < 0;
        shown += row.hidden ? 0 : 1;
      });
      document.getElementById("filtered").textContent = query ? shown + " of " + rows.length : "";
    });
  }
})();
