import { chromium } from "playwright-core";
const [,, url, out, dialog] = process.argv;
const b = await chromium.launch({executablePath: "/usr/bin/chromium", args:["--no-sandbox","--disable-gpu","--disable-quic","--no-first-run","--disable-background-networking"]});
const p = await b.newPage({viewport:{width:1000,height:950}});
p.on("pageerror", e=>console.log("PAGEERR", e.message));
await p.goto(url);
await new Promise(r=>setTimeout(r, 3500));
console.log(await p.locator("#bus").textContent(), "|", await p.locator("#fleet").textContent(), "|", await p.locator("#notice").textContent());
if (dialog) { await p.locator("#messages tbody tr a").first().focus(); await new Promise(r=>setTimeout(r,4500)); console.log("focused", await p.evaluate(()=>document.activeElement.tagName)); await p.screenshot({path: out.replace(".png","-1.png")}); await p.keyboard.press("Enter"); await p.locator("dialog[open] dl").first().waitFor(); }
await p.screenshot({path: out});
await b.close();
