/** The licences of what is in a binary beside netdisk's own code. Pure. */
import type { Package } from "./packages.ts";

/** One text for all packages that have the same one. */
export function thirdPartyLicenses(packages: readonly Package[]): string {
  const groups = new Map<string, string[]>();
  for (const { name, version, license, licenseText } of packages) {
    const text = licenseText ??
      `Its package has no licence text; package.json says: ${license ?? "-"}`;
    const names = groups.get(text) ?? [];
    names.push(`${name} ${version} (${license ?? "no licence named"})`);
    groups.set(text, names);
  }
  const parts = [...groups].map(([text, names]) =>
    `${names.join("\n")}\n\n${text}`
  );
  const all = [HEAD, DENO, V8, ESBUILD, ...parts];
  return all.join(`\n\n${"-".repeat(72)}\n\n`) + "\n";
}

const HEAD =
  `What is in the netdisk programs beside netdisk itself: the runtime and its
engine, and the packages, each with its licence.

Both contain further components; their sources have the licences of these:
https://github.com/denoland/deno, https://chromium.googlesource.com/v8/v8`;

const MIT =
  `Permission is hereby granted, free of charge, to any person obtaining a copy of
this software and associated documentation files (the "Software"), to deal in
the Software without restriction, including without limitation the rights to
use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of
the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

const DENO = `denort, the runtime of Deno (MIT)

MIT License

Copyright 2018-2026 the Deno authors

${MIT}`;

const ESBUILD = `esbuild, a few lines of which hold the modules together (MIT)

MIT License

Copyright (c) 2020 Evan Wallace

${MIT}`;

const V8 = `V8, the engine in it (BSD-3-Clause)

Copyright 2006-2026, the V8 project authors. All rights reserved.

Redistribution and use in source and binary forms, with or without modification,
are permitted provided that the following conditions are met:

    * Redistributions of source code must retain the above copyright notice,
      this list of conditions and the following disclaimer.
    * Redistributions in binary form must reproduce the above copyright notice,
      this list of conditions and the following disclaimer in the documentation
      and/or other materials provided with the distribution.
    * Neither the name of Google Inc. nor the names of its contributors may be
      used to endorse or promote products derived from this software without
      specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND
ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED
WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE FOR
ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES;
LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON
ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT
(INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS
SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`;
