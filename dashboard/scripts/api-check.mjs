// Fails when src/api/gateway.d.ts is not what ../contracts/gateway.openapi.json generates.
import { readFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const description = new URL("../../contracts/gateway.openapi.json", import.meta.url);
const generated = new URL("../src/api/gateway.d.ts", import.meta.url);
const expected = COMMENT_HEADER + astToString(await openapiTS(description));
if (expected !== readFileSync(generated, "utf8")) {
  console.error("src/api/gateway.d.ts is out of date: the API has changed. Run `npm run api`.");
  process.exit(1);
}
console.log("src/api/gateway.d.ts matches the gateway's description");
