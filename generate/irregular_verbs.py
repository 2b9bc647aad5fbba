"""English participles and past forms that no stemmer leads to their verb."""

VERBS = dict(
    pair.split(":")
    for pair in """given:give gave:give taken:take took:take shown:show seen:see saw:see known:know knew:know done:do
    made:make built:build held:hold kept:keep sent:send led:lead lost:lose won:win paid:pay sold:sell bought:buy
    found:find told:tell brought:bring caught:catch taught:teach thought:think written:write wrote:write driven:drive
    drove:drive chosen:choose chose:choose spoken:speak spoke:speak broken:break broke:break drawn:draw drew:draw
    grown:grow grew:grow thrown:throw threw:throw begun:begin began:begin run:run ran:run set:set put:put cut:cut
    read:read sworn:swear understood:understand met:meet left:leave felt:feel said:say born:bear risen:rise rose:rise
    fallen:fall fell:fall become:become became:become gone:go went:go spent:spend lent:lend meant:mean""".split()
)
"""A form to its verb: grew -> grow."""
