/** A button with a dialog in which a person says what became of something, and why. */
import { type ReactElement, type ReactNode, useState } from "react";
import { type MessageId, useText } from "../i18n/i18n";
import { ActionButton } from "./ActionButton";
import { OptionField } from "./Filters";

type DecideButtonProps<Act extends string> = {
  button: MessageId;
  title: MessageId;
  confirm: MessageId;
  /** The label of the list of acts. */
  question: MessageId;
  acts: readonly Act[];
  actLabel: (act: Act) => MessageId;
  /** What is chosen when the dialog opens: what another person has proposed, if anything. */
  first: Act;
  send: (act: Act, reason: string) => Promise<unknown>;
  onSettled: () => void;
  /** What stands above the list of acts, and below it. */
  above: ReactNode;
  below?: ReactNode;
  /** Its name in the address, if it is to be open again after a new sign-in. */
  dialog?: string;
};

export function DecideButton<Act extends string>(props: DecideButtonProps<Act>): ReactElement {
  const text = useText();
  const [act, setAct] = useState(props.first);
  return (
    <ActionButton
      name={text(props.button)}
      button={{ size: "small" }}
      title={text(props.title)}
      confirm={text(props.confirm)}
      reason="required"
      dialog={props.dialog}
      onOpen={() => setAct(props.first)}
      send={(reason) => props.send(act, reason)}
      onSettled={props.onSettled}
    >
      {props.above}
      <OptionField
        label={props.question}
        value={act}
        options={props.acts}
        optionLabel={(one) => props.actLabel(one as Act)}
        onChange={(chosen) => setAct(chosen as Act)}
      />
      {props.below}
    </ActionButton>
  );
}
