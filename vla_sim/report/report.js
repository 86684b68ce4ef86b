"use strict";
(function () {
  function show() {
    var at = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (at && at.tagName === "DETAILS") { at.open = true; at.scrollIntoView(); }
  }
  addEventListener("hashchange", show);
  var all = document.querySelectorAll("details.run");
  var shut = [];
  addEventListener("beforeprint", function () {
    all.forEach(function (d) { if (!d.open) { d.open = true; shut.push(d); } });
  });
  addEventListener("afterprint", function () { shut.splice(0).forEach(function (d) { d.open = false; }); });
  var tools = document.getElementById("tools");
  [["Open all", true], ["Close all", false]].forEach(function (one) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = one[0];
    button.onclick = function () { all.forEach(function (d) { d.open = one[1]; }); };
    if (tools && all.length > 1) { tools.appendChild(button); }
  });
  show();
})();
