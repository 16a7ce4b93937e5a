// Fails when src/api/gateway.d.ts is not what ../contracts/gateway.openapi.json generates.
import { readFileSync } from "node:fs";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const source = new URL("../../contracts/gateway.openapi.json", import.meta.url);
const target = new URL("../src/api/gateway.d.ts", import.meta.url);
const fresh = COMMENT_HEADER + astToString(await openapiTS(source));
if (fresh !== readFileSync(target, "utf8")) {
  console.error(
    "src/api/gateway.d.ts is stale: the gateway's description has changed. Run `npm run api`.",
  );
  process.exit(1);
}
console.log("src/api/gateway.d.ts is what the gateway's description says");
