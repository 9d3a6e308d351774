#include "report/page.hpp"

namespace epicrisis::report {

// Text reaches a contrast of 7:1 on its background, lines and swatches 3:1 (WCAG 2.1, 1.4.6 and 1.4.11).
const char* const kPageStyle = R"(
:root {
  color-scheme: light dark;
  --paper: #ffffff; --raised: #f5f7f9; --ink: #1b2430; --quiet: #44505e; --rule: #d3dae1; --link: #0a4a82;
  --series-0: #0b62b0; --series-1: #b3470a; --series-2: #14753c; --series-3: #7b3fb5;
  --warn-paper: #fff4dc; --warn-rule: #b97a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12171d; --raised: #1b222a; --ink: #e6ebf0; --quiet: #b4bfca; --rule: #36414d; --link: #8cc4ff;
    --series-0: #62b0ff; --series-1: #ff9d5c; --series-2: #5fd08d; --series-3: #c79bff;
    --warn-paper: #2b2413; --warn-rule: #d9a53a;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 74rem; padding: 1.5rem clamp(1rem, 4vw, 3rem) 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .2em 0; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; margin: 2.6rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
p { max-width: 46rem; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible, .scrolling:focus-visible { outline: 3px solid var(--series-0); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; margin: 1rem 0 0; }
.quiet, .nothing, figcaption, caption { color: var(--quiet); }
.nothing { font-style: italic; margin: 0; }
.warning { background: var(--warn-paper); border-left: .3rem solid var(--warn-rule); padding: .6rem 1rem; margin: 1rem 0; max-width: none; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .8rem; margin: 1.2rem 0; padding: 0; }
.figures div { background: var(--raised); border: 1px solid var(--rule); border-radius: .5rem; padding: .7rem 1rem; display: flex; flex-direction: column-reverse; }
.figures dt { color: var(--quiet); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 1.4rem; }
figure { margin: 0; background: var(--raised); border: 1px solid var(--rule); border-radius: .5rem; padding: .9rem 1rem; min-width: 0; }
figcaption { color: var(--ink); font-weight: 600; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .line-0 { stroke: var(--series-0); } svg .line-1 { stroke: var(--series-1); stroke-dasharray: 7 4; }
svg .line-2 { stroke: var(--series-2); stroke-dasharray: 2 4; } svg .line-3 { stroke: var(--series-3); stroke-dasharray: 10 4 2 4; }
svg .dot-0 { fill: var(--series-0); } svg .dot-1 { fill: var(--series-1); } svg .dot-2 { fill: var(--series-2); } svg .dot-3 { fill: var(--series-3); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .2rem 0; padding: 0; font-size: .9rem; }
.legend svg { display: inline-block; width: 2.2rem; height: .8rem; vertical-align: middle; margin-right: .4rem; }
details { font-size: .92rem; margin-top: .5rem; }
summary { cursor: pointer; color: var(--link); }
.scroll { overflow: auto; max-height: 34rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; padding: .3rem 0; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; overflow-wrap: anywhere; }
thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.example { border: 1px solid var(--rule); border-radius: .5rem; margin: 1rem 0; background: var(--raised); padding: 0 1rem 1rem; }
.example > header { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; align-items: baseline; }
.example h4 { margin: .8rem 0 .4rem; font-size: 1rem; }
.example h5 { margin: 0 0 .2rem; font-size: .85rem; color: var(--quiet); font-weight: 600; }
.outputs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: 1rem; }
.outputs > div { border-top: 3px solid var(--rule); padding-top: .4rem; min-width: 0; }
.outputs > .reference { border-color: var(--series-2); } .outputs > .after { border-color: var(--series-0); }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
.scrolling { max-height: 16rem; overflow: auto; padding: .5rem .8rem; background: var(--paper); border: 1px solid var(--rule); border-radius: .3rem; }
code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: .92em; overflow-wrap: anywhere; }
@media print {
  body { max-width: none; padding: 0; } nav, .skip { display: none; } .scroll, .scrolling { max-height: none; overflow: visible; }
  figure, .example { break-inside: avoid; }
}
)";

}  // namespace epicrisis::report
