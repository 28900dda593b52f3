(function () {
  "use strict";
  var root = document.documentElement;
  var tabs = Array.prototype.slice.call(document.querySelectorAll("[role=tab]"));
  root.classList.add("js");
  document.querySelectorAll(".tabs, .filter").forEach(function (part) { part.hidden = false; });

  function show(tab, focus) {
    tabs.forEach(function (each) {
      var on = each === tab;
      each.setAttribute("aria-selected", String(on));
      each.tabIndex = on ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).classList.toggle("shown", on);
    });
    if (focus) { tab.focus(); }
  }

  tabs.forEach(function (tab, place) {
    tab.addEventListener("click", function () {
      show(tab, false);
      history.replaceState(null, "", "#" + tab.id.slice(4));
    });
    tab.addEventListener("keydown", function (event) {
      var to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) { return; }
      event.preventDefault();
      show(tabs[(to + tabs.length) % tabs.length], true);
    });
  });
  var asked = tabs.filter(function (tab) { return "#" + tab.id.slice(4) === location.hash; })[0];
  show(asked || tabs[0], false);

  document.getElementById("theme").addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  var filter = document.getElementById("filter");
  var rows = Array.prototype.slice.call(document.querySelectorAll("#capabilities tbody tr"));
  filter.addEventListener("input", function () {
    var wanted = filter.value.trim().toLowerCase(), shown = 0;
    rows.forEach(function (row) {
      row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0;
      shown += row.hidden ? 0 : 1;
    });
    document.getElementById("filtered").textContent = wanted ? shown + " of " + rows.length : "";
  });
})();
