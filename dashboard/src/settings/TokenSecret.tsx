import Button from "@mui/material/Button";
import { type ReactElement, useState } from "react";
import { T } from "../i18n/i18n";
import { Card } from "../ui/Card";
import { Code, DateTime } from "../ui/format";
import { ButtonRow } from "../ui/layout";
import { PlainButton } from "../ui/links";
import { Notice } from "../ui/Notice";

type TokenSecretProps = {
  secret: string;
  name: string;
  expiresAt: string;
  /** Called when the person has stored the secret; it is not shown again. */
  onStored: () => void;
};

/** The secret of a new token, shown this once. */
export function TokenSecret(props: TokenSecretProps): ReactElement {
  const { secret, name, expiresAt, onStored } = props;
  const [copied, setCopied] = useState(false);
  const copy = () =>
    void navigator.clipboard.writeText(secret).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  return (
    <Card title={<T id="tokens.new" values={{ name }} />}>
      <Notice tone="warning" live>
        <T id="tokens.once" values={{ at: <DateTime at={expiresAt} /> }} />
      </Notice>
      <p style={{ overflowWrap: "anywhere" }}>
        <Code>{secret}</Code>
      </p>
      <ButtonRow>
        <PlainButton type="button" onClick={copy}>
          <T id="tokens.copy" />
        </PlainButton>
        <Button variant="contained" onClick={onStored}>
          <T id="tokens.stored" />
        </Button>
        <span role="status">{copied && <T id="tokens.copied" />}</span>
      </ButtonRow>
    </Card>
  );
}
